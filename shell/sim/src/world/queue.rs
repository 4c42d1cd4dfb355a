//! What is to happen, in the order of time. Ties go in the order in which they were asked for. It does not know what an event
//! means.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use raft::NodeId;
use replica::SessionId;

use super::network::Flying;

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Event {
    Start(NodeId),
    Turn(NodeId, u64),
    TimersDue(NodeId, u64),
    Deliver(Box<Flying>),
    /// A copy that took another way: it arrives also where the link is cut meanwhile.
    Stray(Box<Flying>),
    /// What was to happen here was taken away.
    Nothing,
    LogWrite(NodeId, u64),
    LogSync(NodeId, u64),
    Job(NodeId, u64),
    Chunk(u64),
    /// A client thinks of something.
    Client(u64),
    /// A client with a session does something.
    SessionClient(usize),
    /// It asks for a command once more: of which session, with which sequence.
    Retry(usize, SessionId, u64),
    /// A request reaches its member.
    Arrive(u64),
    /// A member reads its store for a request.
    Read(u64),
    /// A client learns what became of its request.
    Return(u64),
    /// One of the last requests is asked again.
    AskAgain(u64),
    /// A request must be answered by now.
    Overdue(u64),
    /// A member that handed over stops.
    Stopped(NodeId, u64),
    /// A member stops after a write that went wrong.
    BadWrite(NodeId, u64),
    /// A link comes or goes: between whom, each so many microseconds, so many times more.
    Flap(u64, u64, u64, u64),
    /// Operators look at the cluster.
    Operators,
    /// A step of the script.
    Script(usize),
    Calm,
    LastRequests,
    End,
    /// A run without an end of its own is over.
    Stop,
}

/// The events that are to come.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    events: Vec<Option<Event>>,
    free: Vec<u32>,
    sequence: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            u32::try_from(self.events.len() - 1).unwrap_or(u32::MAX)
        });
        self.events[place as usize] = Some(event);
        self.heap.push(Reverse((at, self.sequence, place)));
    }

    /// When the next one happens.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, Event)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        self.events[place as usize].take().map(|event| (at, event))
    }

    /// What is to come, in no order, with its time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Event)> {
        self.heap.iter().filter_map(|Reverse((at, _, place))| Some((*at, self.events.get(*place as usize)?.as_ref()?)))
    }

    /// Takes away what is to come and is so, with its time: nothing happens then.
    pub(crate) fn take(&mut self, is_it: impl Fn(&Event) -> bool) -> Option<(u64, Event)> {
        let places = self.heap.iter().map(|Reverse((at, _, place))| (*at, *place));
        let is_here = |place: u32| self.events.get(place as usize).and_then(Option::as_ref).is_some_and(&is_it);
        let (at, place) = places.filter(|(_, place)| is_here(*place)).min()?;
        let event = self.events.get_mut(place as usize)?.replace(Event::Nothing)?;
        Some((at, event))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_of_asking() {
        let mut queue = Queue::default();
        for (at, number) in [(5, 1), (3, 2), (5, 3), (3, 4)] {
            queue.push(at, Event::Arrive(number));
        }
        let mut order = Vec::new();
        while let Some((at, Event::Arrive(number))) = queue.pop() {
            order.push((at, number));
            if number == 2 {
                queue.push(4, Event::Arrive(9));
            }
        }
        assert_eq!(order, [(3, 2), (3, 4), (4, 9), (5, 1), (5, 3)]);
        assert_eq!((queue.len(), queue.next_at()), (0, None));
    }

    #[test]
    fn what_is_taken_away_does_not_happen() {
        let mut queue = Queue::default();
        for (at, number) in [(5, 1), (3, 2)] {
            queue.push(at, Event::Arrive(number));
        }
        let taken = queue.take(|event| matches!(event, Event::Arrive(1)));
        assert!(matches!(taken, Some((5, Event::Arrive(1)))), "{taken:?}");
        assert!(queue.take(|event| matches!(event, Event::Arrive(1))).is_none());
        assert!(matches!(queue.pop(), Some((3, Event::Arrive(2)))));
        assert!(matches!(queue.pop(), Some((5, Event::Nothing))));
    }
}
