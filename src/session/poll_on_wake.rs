//! Waiting for something rare beside something frequent.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only when it has been woken itself. A task that is woken for each chunk
/// would otherwise look each time whether a signal has come, dlv has ended or a time is over.
pub(super) struct PollOnWake<F> {
    future: Pin<Box<F>>,
    flag: Arc<WakeFlag>,
    ringing: Waker,
    /// The task that polls us, as the flag knows it.
    task: Option<Waker>,
}

impl<F: Future> PollOnWake<F> {
    pub(super) fn new(future: F) -> PollOnWake<F> {
        let flag = Arc::new(WakeFlag { rung: AtomicBool::new(true), task: Mutex::new(None) });
        PollOnWake { future: Box::pin(future), ringing: Waker::from(Arc::clone(&flag)), flag, task: None }
    }
}

impl<F: Future> Future for PollOnWake<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            *this.flag.task.lock().unwrap_or_else(PoisonError::into_inner) = this.task.clone();
        }
        if !this.flag.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        this.future.as_mut().poll(&mut Context::from_waker(&this.ringing))
    }
}

/// Wakes the task, and notes which part is to be polled.
struct WakeFlag {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;
    use tokio::sync::Notify;

    /// So that a test fails where it would hang.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn future_is_polled_only_when_it_is_woken() {
        let (notify, polls) = (Notify::new(), AtomicUsize::new(0));
        let counted = async {
            let mut notified = pin!(notify.notified());
            poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                notified.as_mut().poll(cx)
            })
            .await
        };
        let mut aside = pin!(PollOnWake::new(counted));
        let mut wakes = 0;
        let woken = poll_fn(|cx| {
            wakes += 1;
            match wakes {
                1..100 => cx.waker().wake_by_ref(),
                100 => notify.notify_one(),
                _ => {}
            }
            aside.as_mut().poll(cx)
        });
        tokio::time::timeout(PATIENCE, woken).await.expect("it is woken");
        assert_eq!((wakes, polls.load(Ordering::Relaxed)), (100, 2));
    }

    #[tokio::test]
    async fn it_follows_from_task_to_task() {
        let notify = Arc::new(Notify::new());
        let theirs = Arc::clone(&notify);
        let mut aside = Box::pin(PollOnWake::new(async move { theirs.notified().await }));
        assert!(poll_fn(|cx| Poll::Ready(aside.as_mut().poll(cx))).await.is_pending());
        let moved = tokio::spawn(aside);
        tokio::task::yield_now().await;
        notify.notify_one();
        tokio::time::timeout(PATIENCE, moved).await.expect("it is woken").unwrap();
    }
}
