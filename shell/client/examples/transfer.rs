//! Money moves between two accounts: both rows change or none, and a transfer that lost a race is tried again.
//!
//! `cargo run --release -- dev`, then `cargo run -p quorate-client --example transfer [ENDPOINTS]`.

use std::error::Error;

use quorate_client::{Client, Compare, Config, Operation, Txn};

#[tokio::main]
#[allow(clippy::print_stdout)] // It is there to be read.
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoints = std::env::args().nth(1);
    let endpoints = endpoints.unwrap_or_else(|| "127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399".to_owned());
    let client = Client::with(endpoints.split(','), Config::exactly_once())?;
    client.put("example/account/ann", "100").await?;
    client.put("example/account/bob", "100").await?;

    let ann_to_bob = transfer(&client, "example/account/ann", "example/account/bob", 30);
    let bob_to_ann = transfer(&client, "example/account/bob", "example/account/ann", 10);
    let (first, second) = tokio::join!(ann_to_bob, bob_to_ann);
    println!("ann to bob: {}; bob to ann: {}", first?, second?);
    for row in client.get_prefix("example/account/").await? {
        println!("{} = {}", String::from_utf8_lossy(&row.key), String::from_utf8_lossy(&row.value));
    }
    client.close().await?;
    Ok(())
}

/// Answers whether there was enough.
async fn transfer(client: &Client, from: &str, to: &str, amount: i64) -> Result<bool, Box<dyn Error>> {
    loop {
        let (source, target) = tokio::join!(client.get(from.to_owned()), client.get(to.to_owned()));
        let source = source?.ok_or("no such account")?;
        let target = target?.ok_or("no such account")?;
        let left = balance(&source.value)? - amount;
        if left < 0 {
            return Ok(false);
        }
        let step = Txn::new()
            .when(Compare::unchanged_since(source.key.clone(), source.mod_revision))
            .when(Compare::unchanged_since(target.key.clone(), target.mod_revision))
            .then(Operation::put(source.key, left.to_string()))
            .then(Operation::put(target.key, (balance(&target.value)? + amount).to_string()));
        if client.txn(step).await?.succeeded {
            return Ok(true);
        }
    }
}

fn balance(value: &[u8]) -> Result<i64, Box<dyn Error>> {
    Ok(std::str::from_utf8(value)?.parse()?)
}
