//! The control thread: whatever must not hold up a shard. Jobs that may touch the disk, signals, sampled figures,
//! the order of shutting down.
//!
//! It is a glommio executor, so that later guests (cluster bus, replication handshakes) are tasks with timers and
//! sockets in async code. Where io_uring is not to be had the same loop runs on a plain thread.

use super::running::Running;
use std::sync::Arc;
use std::time::Duration;

/// What the control thread is asked to do.
pub(super) enum Order {
    /// Run this, which may wait for a disk.
    Job(Box<dyn FnOnce() + Send>),
    /// A signal arrived.
    Signal(i32),
    /// Leave the loop.
    Stop,
}

/// How often figures are sampled.
const TICK: Duration = Duration::from_millis(100);

/// Runs the control loop on a thread of its own until it is told to stop.
pub(super) fn start(
    running: Arc<Running>,
    orders: flume::Receiver<Order>,
    on_ring: bool,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            running.tick_if_due();
            let mut done = false;
            if on_ring {
                let (task_running, task_orders) = (Arc::clone(&running), orders.clone());
                let executor = glommio::LocalExecutorBuilder::default()
                    .name("control")
                    .io_memory(64 << 10)
                    .ring_depth(64)
                    .make();
                match executor {
                    Ok(executor) => {
                        executor.run(run_async(task_running, task_orders));
                        done = true;
                    }
                    Err(error) => {
                        tracing::warn!("The control thread runs without io_uring: {error}");
                    }
                }
            }
            if !done {
                run_plain(&running, &orders);
            }
        })
}

async fn run_async(running: Arc<Running>, orders: flume::Receiver<Order>) {
    loop {
        let order = next_order(&orders).await;
        match order {
            Next::Order(order) => {
                if !obey(&running, order) {
                    return;
                }
            }
            Next::Closed => return,
            Next::Tick => {}
        }
        running.tick_if_due();
    }
}

enum Next {
    Order(Order),
    Tick,
    Closed,
}

/// The next order, or a tick if none comes for that long.
async fn next_order(orders: &flume::Receiver<Order>) -> Next {
    let order = async {
        match orders.recv_async().await {
            Ok(order) => Next::Order(order),
            Err(_) => Next::Closed,
        }
    };
    let tick = async {
        glommio::timer::Timer::new(TICK).await;
        Next::Tick
    };
    futures_lite::future::or(order, tick).await
}

fn run_plain(running: &Arc<Running>, orders: &flume::Receiver<Order>) {
    loop {
        match orders.recv_timeout(TICK) {
            Ok(order) => {
                if !obey(running, order) {
                    return;
                }
            }
            Err(flume::RecvTimeoutError::Timeout) => {}
            Err(flume::RecvTimeoutError::Disconnected) => return,
        }
        running.tick_if_due();
    }
}

fn obey(running: &Arc<Running>, order: Order) -> bool {
    match order {
        Order::Job(job) => job(),
        Order::Signal(signal) => running.on_signal(signal),
        Order::Stop => return false,
    }
    true
}
