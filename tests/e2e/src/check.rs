//! What members hold, and whether they hold the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use server::api::etcdserverpb::RangeRequest;
use server::api::mvccpb::KeyValue;

use crate::client::Client;
use crate::cluster::Cluster;
use crate::wait::{soon, wait_until};

/// All keys of a store.
pub type Contents = BTreeMap<Bytes, KeyValue>;

/// Everything that one member holds, without asking the others: its revision and all keys.
pub async fn contents(client: &Client) -> Option<(i64, Contents)> {
    let everything = Bytes::from_static(&[0]);
    let request =
        RangeRequest { key: everything.clone(), range_end: everything, serializable: true, ..RangeRequest::default() };
    let answer = client.range(request).await.ok()?;
    let rows = answer.kvs.into_iter().map(|row| (row.key.clone(), row)).collect();
    Some((answer.header?.revision, rows))
}

/// Waits until all members hold the same, down to every version and revision, and answers what it is. Nobody may write
/// meanwhile.
///
/// # Panics
/// When they do not in time, or hold the same keys and hash differently.
pub async fn all_equal(cluster: &Cluster) -> Contents {
    let clients = cluster.clients();
    let (revision, rows) = wait_until("all members hold the same", soon(), async || {
        let first = contents(&clients[0]).await?;
        for client in &clients[1..] {
            if contents(client).await? != first {
                return None;
            }
        }
        Some(first)
    })
    .await;
    let mut hashes = Vec::new();
    for client in &clients {
        let hash = client.hash().await.expect("a hash");
        hashes.push((hash.header.map_or(0, |header| header.revision), hash.hash));
    }
    assert!(
        hashes.iter().all(|hash| *hash == hashes[0] && hash.0 == revision),
        "equal keys at {revision}, and yet revisions and hashes {hashes:?}"
    );
    rows
}
