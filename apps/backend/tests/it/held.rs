//! A failpoint that holds the first to reach it, so that a race is decided by the test.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// A failpoint that holds the first to reach it until it is released. It blocks a thread, so the test needs several.
pub struct Held {
    name: &'static str,
    reached: Mutex<Option<Receiver<()>>>,
    release: Sender<()>,
}

impl Held {
    pub fn at(name: &'static str) -> Self {
        let (reached, is_reached) = channel();
        let (release, released) = channel::<()>();
        let gate = Mutex::new(Some((reached, released)));
        fail::cfg_callback(name, move || {
            let first = gate.lock().unwrap().take();
            if let Some((reached, released)) = first {
                reached.send(()).unwrap();
                let _ = released.recv();
            }
        })
        .unwrap();
        Self {
            name,
            reached: Mutex::new(Some(is_reached)),
            release,
        }
    }

    /// Waits until it is reached.
    pub async fn reached(&self) {
        let reached = self.reached.lock().unwrap().take().unwrap();
        tokio::task::spawn_blocking(move || reached.recv().unwrap())
            .await
            .unwrap();
    }

    pub fn release(&self) {
        self.release.send(()).unwrap();
        fail::remove(self.name);
    }
}
