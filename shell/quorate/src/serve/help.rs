//! The text of `quorate serve --help`.
//!
//! Only text; a test holds it to the flags that are in force.

/// One screen and a half.
pub(crate) const TEXT: &str = "\
Run one member of a cluster

Usage: quorate serve [FLAG]..     (or without the word serve, as for etcd)

Flags are etcd's: one dash or two, `--flag value` or `--flag=value`. Each also has a variable, ETCD_DATA_DIR for --data-dir;
the flag wins. In brackets: what holds when nothing is given.

Member
  --name NAME                          for people, and for --initial-cluster [default]
  --data-dir FOLDER                    where all its files are [NAME.quorate]
  --listen-client-urls URL,..          where clients are served [http://localhost:2379]
  --advertise-client-urls URL,..       what clients are told to connect to [http://localhost:2379]
  --listen-peer-urls URL,..            where the other members are served [http://localhost:2380]
  --heartbeat-interval MILLISECONDS    between two heartbeats of a leader [100]
  --election-timeout MILLISECONDS      silence of a leader before the others choose a new one; at least 5 heartbeats [1000]
  --snapshot-count NUMBER              changes between two snapshots [100000]
  --snapshot-rate BYTES                of snapshots sent in a second while clients write; 0: no bound [67108864]
  --quota-backend-bytes BYTES          data above which writes are refused; negative: no bound [0, which is 2 GiB]
  --max-request-bytes BYTES            largest request of a client [1572864]
  --max-txn-ops NUMBER                 largest number of operations in a transaction [128]
  --max-learners NUMBER                how many learners the cluster may have [1]
  --lease-reads                        serve linearizable reads by the leader's lease (docs/reads.md) [false]
  --strict-reconfig-check              refuse changes of members while too few of them have started [true]

Founding or joining a cluster (once the data folder is filled, these mean nothing)
  --initial-cluster NAME=URL,..        all founders, or all members, with their peer URLs [this member alone]
  --initial-advertise-peer-urls URL,.. this member's, as --initial-cluster has them [http://localhost:2380]
  --initial-cluster-state STATE        new founds a cluster; existing joins one, after `quorate ctl member add` [new]
  --initial-cluster-token WORD         keeps clusters apart that look alike [etcd-cluster]

Logs
  --log-level LEVEL                    debug, info, warn, error, panic or fatal [info]
  --log-format FORMAT                  console (for people) or json [console]
  --log-outputs PLACE,..               stderr, stdout, or paths of files [stderr]
  --logger zap                         accepted for etcd's sake

  --version                            the etcd version whose API this speaks, and our own
  --help                               this

etcd's other flags are accepted with a warning that they have no effect. Those that ask for TLS, for discovery, or for a
configuration file are refused, because ignoring them would serve something else than was asked for.
";

#[cfg(test)]
mod tests {
    use super::super::known::{Effect, PARENT_PIPE, all};
    use super::*;

    #[test]
    fn every_flag_in_force_is_explained() {
        for known in all().filter(|known| known.effect == Effect::InForce && known.name != PARENT_PIPE) {
            assert!(TEXT.contains(&format!("  --{} ", known.name)), "--{}", known.name);
        }
    }

    #[test]
    fn no_line_is_wider_than_a_screen() {
        assert_eq!(TEXT.lines().find(|line| line.chars().count() > 124), None);
    }
}
