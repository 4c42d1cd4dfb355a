//! Gathers what is written to one connection: a write waits until the tasks that are ready with it have run, so that answers
//! that became ready together leave together. A batch of writes is acknowledged in one go, and a system call for each answer
//! would cost more than all the rest of it. Nothing waits for time, and a lone answer leaves as soon as before.
//!
//! It knows nothing of HTTP, but for one thing: told that vectored writes are not wanted, the library copies short bodies
//! behind their heads, and can gather those too.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes are gathered.
pub(crate) struct Gathered<S> {
    stream: S,
    /// Since the last flush it has let others go first.
    waited: bool,
}

impl<S> Gathered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, waited: false }
    }

    /// Lets the tasks go first that are ready now: a task that wakes itself comes after them.
    fn wait_once(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.wait_once(context));
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waited = false;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_flush_lets_others_go_first_once_and_asks_to_be_called_again() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        let mut gathered = Gathered::new(Vec::new());
        for round in 1..=2 {
            let mut gathered = Pin::new(&mut gathered);
            assert!(gathered.as_mut().poll_write(&mut context, b"ab").is_pending());
            assert_eq!(woken.0.load(Ordering::Relaxed), round);
            assert!(matches!(gathered.as_mut().poll_write(&mut context, b"ab"), Poll::Ready(Ok(2))));
            assert!(matches!(gathered.as_mut().poll_write(&mut context, b"c"), Poll::Ready(Ok(1))));
            assert!(matches!(gathered.as_mut().poll_flush(&mut context), Poll::Ready(Ok(()))));
        }
        assert_eq!((gathered.stream, woken.0.load(Ordering::Relaxed)), (b"abcabc".to_vec(), 2));
    }
}
