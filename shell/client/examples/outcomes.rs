//! Writes without a session, and what to make of each way that one can end.
//!
//! `cargo run --release -- dev`, then `cargo run -p quorate-client --example outcomes [ENDPOINTS]`; kill members while it runs.

use std::error::Error;
use std::time::Duration;

use quorate_client::{Client, Config, Outcome};

const KEY: &str = "example/outcomes";

#[tokio::main]
#[allow(clippy::print_stdout)] // It is there to be read.
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoints = std::env::args().nth(1);
    let endpoints = endpoints.unwrap_or_else(|| "127.0.0.1:2379,127.0.0.1:2389,127.0.0.1:2399".to_owned());
    // Works with plain etcd, too.
    let client =
        Client::with(endpoints.split(','), Config { request_time: Duration::from_secs(3), ..Config::default() })?;
    for number in 1..=100 {
        let value = number.to_string();
        match client.put(KEY, value.clone()).await {
            Ok(answer) => println!("{number}: done, revision {}", answer.header.map_or(0, |header| header.revision)),
            Err(error) => match error.outcome {
                Outcome::NotApplied => println!("{number}: not done: {error}"),
                Outcome::Applied => println!("{number}: done, but look where: {error}"),
                // It may still come: a later look settles it only for who writes this key alone, or compares.
                Outcome::Unknown => {
                    let there = client.get(KEY).await?.is_some_and(|row| row.value == value);
                    println!("{number}: unknown: {error}; so far it is {}there", if there { "" } else { "not " });
                }
            },
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
