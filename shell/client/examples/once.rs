//! Eight workers count up one key, each step exactly once, whatever is killed meanwhile.
//!
//! `cargo run --release -- dev`, then `cargo run -p quorate-client --example once [STEPS] [ENDPOINTS]`.

use std::error::Error;

use quorate_client::{Client, Compare, Config, Operation, Txn};

const WORKERS: usize = 8;
const KEY: &str = "example/counter";

#[tokio::main]
#[allow(clippy::print_stdout)] // It is there to be read.
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let steps: usize = arguments.next().map_or(Ok(500), |text| text.parse())?;
    let endpoints = arguments.next().unwrap_or_else(|| "127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399".to_owned());
    let client = Client::with(endpoints.split(','), Config::exactly_once())?;
    client.put(KEY, "0").await?;

    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(count(client.clone(), steps))).collect();
    let mut races = 0;
    for worker in workers {
        races += worker.await??;
    }
    let row = client.get(KEY).await?.ok_or("the counter is gone")?;
    let reached = String::from_utf8_lossy(&row.value).into_owned();
    println!("counted {WORKERS} x {steps} steps to {reached}; {races} times another worker was first");
    client.close().await?;
    if reached == (WORKERS * steps).to_string() { Ok(()) } else { Err("some step was lost, or done twice".into()) }
}

/// Raises the counter so many times. Answers how often another worker was in the way.
async fn count(client: Client, steps: usize) -> Result<usize, quorate_client::Error> {
    let (mut done, mut races) = (0, 0);
    while done < steps {
        let Some(row) = client.get(KEY).await? else { return Ok(races) };
        let next = String::from_utf8_lossy(&row.value).parse::<usize>().unwrap_or(0) + 1;
        // Without a session a lost answer would leave open whether this step was done.
        let step = Txn::new()
            .when(Compare::unchanged_since(KEY, row.mod_revision))
            .then(Operation::put(KEY, next.to_string()));
        if client.txn(step).await?.succeeded { done += 1 } else { races += 1 }
    }
    Ok(races)
}
