//! What `--version` says: first the etcd version whose API this speaks, because scripts parse that line of etcd's own output,
//! then our own.

/// Our own version.
pub(crate) use server::version::QUORATE as OURS;

/// The text of `quorate --version`.
pub(crate) fn text() -> String {
    let (etcd, system, processor) = (server::version::ETCD, std::env::consts::OS, std::env::consts::ARCH);
    format!("etcd Version: {etcd}\nQuorate Version: {OURS}\nOS/Arch: {system}/{processor}\n")
}
