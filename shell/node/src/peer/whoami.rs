//! "Which member am I?": the greeting of a process that has no folder yet, and its answer. It says by which bytes (its peer
//! URLs, say) the configuration knows it, and hears cluster, node id and configuration. How claims are compared with what the
//! configuration keeps is the affair of the layers above.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::{Configuration, Member, NodeId};

use super::hello::{MAGIC, PROTOCOL, take_protocol};

/// Stands where a hello has its purpose.
const WHO_AM_I: u8 = 2;
/// A configuration of the most members that there may be fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Who one is, as the asked member knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) cluster: u64,
    pub(crate) node: NodeId,
    /// Committed.
    pub(crate) configuration: Configuration,
}

/// Why one is nobody here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// Not known (yet): another member may know more.
    Unknown(String),
    /// For good, with what to do.
    Refused(String),
}

/// Appends the greeting of one who is known by `claim`.
pub(crate) fn put(claim: &[u8], out: &mut BytesMut) {
    out.put_slice(&MAGIC);
    out.put_u16_le(PROTOCOL);
    out.put_u8(WHO_AM_I);
    out.put_slice(claim);
}

/// The claim, if it is this greeting.
pub(crate) fn take(greeting: &Bytes) -> Option<Bytes> {
    let mut input = greeting.clone();
    take_protocol(&mut input).ok()?;
    (input.try_get_u8() == Ok(WHO_AM_I)).then_some(input)
}

/// Appends the answer.
pub(crate) fn put_answer(answer: &Result<Found, NotFound>, out: &mut BytesMut) {
    match answer {
        Ok(found) => {
            out.put_u8(0);
            out.put_u64_le(found.cluster);
            out.put_u64_le(found.node.0);
            out.put_slice(&found.configuration.encode());
        }
        Err(NotFound::Refused(reason)) => {
            out.put_u8(1);
            out.put_slice(reason.as_bytes());
        }
        Err(NotFound::Unknown(reason)) => {
            out.put_u8(3);
            out.put_slice(reason.as_bytes());
        }
    }
}

/// Reads the answer; what is none is a refusal.
pub(crate) fn take_answer(mut input: Bytes) -> Result<Found, NotFound> {
    let no_answer = || NotFound::Refused("what came is no answer of a Quorate peer: check the address".into());
    let text = |input: &Bytes| String::from_utf8_lossy(input).into_owned();
    match input.try_get_u8() {
        Ok(0) => {
            let cluster = input.try_get_u64_le().map_err(|_| no_answer())?;
            let node = NodeId(input.try_get_u64_le().map_err(|_| no_answer())?);
            let configuration = Configuration::decode(&input).map_err(|error| NotFound::Refused(error.to_string()))?;
            Ok(Found { cluster, node, configuration })
        }
        Ok(3) => Err(NotFound::Unknown(text(&input))),
        Ok(_) => Err(NotFound::Refused(text(&input))),
        Err(_) => Err(no_answer()),
    }
}

/// Looks the claim up in a committed configuration. Who votes already, or was met with a disk, started before: an empty folder
/// in its place has forgotten its votes (M15).
pub(crate) fn look_up(
    cluster: u64,
    configuration: &Configuration,
    has_started: impl Fn(NodeId) -> bool,
    is_it: impl Fn(&Member) -> bool,
) -> Result<Found, NotFound> {
    let is_new = |node: &NodeId| {
        let met = configuration.members.get(node).is_some_and(|member| member.disk != 0) || has_started(*node);
        !met && !configuration.is_voter(*node)
    };
    let mut found = configuration.nodes();
    found.retain(|node| configuration.members.get(node).is_some_and(&is_it));
    // Where a new member takes the place of another at the same URLs, both are found.
    if let Some(node) = found.iter().copied().find(is_new) {
        return Ok(Found { cluster, node, configuration: configuration.clone() });
    }
    Err(match found.first() {
        None => NotFound::Unknown(format!(
            "no member of cluster {cluster:016x} has these peer URLs ({configuration}): add the member first (`quorate ctl member \
             add`, `etcdctl member add`), with the peer URLs that it is started with"
        )),
        Some(node) => NotFound::Refused(format!(
            "{node} has started before, on another disk: a member that lost its data folder must not vote again. Put the folder \
             back; or remove the member (`quorate ctl member remove`), add it again (`quorate ctl member add`), and start it with \
             an empty folder"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration() -> Configuration {
        let mut configuration = Configuration::of_voters([NodeId(1), NodeId(2)]);
        configuration.learners.insert(NodeId(3));
        configuration.next_node = 4;
        for (node, disk) in [(1, 71), (2, 0), (3, 0)] {
            let info = Bytes::from(format!("m{node}"));
            configuration.members.insert(NodeId(node), Member { disk, info });
        }
        configuration
    }

    fn ask(claim: &str, started: bool) -> Result<Found, NotFound> {
        look_up(11, &configuration(), |_| started, |member| member.info == claim.as_bytes())
    }

    #[test]
    fn a_new_member_is_told_who_it_is() {
        let found = ask("m3", false).unwrap();
        assert_eq!((found.cluster, found.node), (11, NodeId(3)));
        assert_eq!(found.configuration, configuration());
    }

    #[test]
    fn a_wiped_disk_does_not_come_back_under_its_old_id() {
        // M15
        for (claim, started) in [("m1", false), ("m2", false), ("m3", true)] {
            let refused = ask(claim, started);
            let Err(NotFound::Refused(sentence)) = refused else { panic!("{claim}: {refused:?}") };
            assert!(sentence.contains("member remove") && sentence.contains("member add"), "{sentence}");
        }
    }

    #[test]
    fn one_that_comes_to_the_place_of_another_is_told_from_it() {
        let mut configuration = configuration();
        configuration.members.insert(NodeId(3), Member { disk: 0, info: Bytes::from_static(b"m1") });
        let found = look_up(11, &configuration, |_| false, |member| member.info == b"m1"[..]).unwrap();
        assert_eq!(found.node, NodeId(3));
    }

    #[test]
    fn who_was_not_added_is_told_to_be() {
        let Err(NotFound::Unknown(sentence)) = ask("m4", false) else { panic!("m4 is nobody") };
        assert!(sentence.contains("add the member first"), "{sentence}");
    }

    #[test]
    fn greeting_and_answers_are_read_back() {
        let mut out = BytesMut::new();
        put(b"claim", &mut out);
        assert_eq!(take(&out.split().freeze()), Some(Bytes::from_static(b"claim")));
        assert_eq!(take(&Bytes::from_static(b"GET / HTTP/1.1")), None);
        for answer in [ask("m3", false), ask("m1", false), ask("m4", false)] {
            put_answer(&answer, &mut out);
            let bytes = out.split().freeze();
            assert_eq!(take_answer(bytes.clone()), answer);
            for length in 0..bytes.len() {
                assert_ne!(take_answer(bytes.slice(..length)), answer, "{length}");
            }
        }
    }
}
