//! The start of a replica: how long until it knows all bindings, or those of its partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::ensure;
use emberline_testkit::kafka::unique;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::child::{Job, Measured, done, per};
use crate::compare::{Bench, median};
use crate::load;
use crate::report::{Row, Target};
use crate::say;
use crate::sizes::Sizes;

/// Most that the start of a replica may take for a bound device: 10 million in 20 s.
const SECONDS_A_DEVICE: f64 = 20.0 / 1e7;
/// Most that one of ten may take for its partitions, where there are ten million in all.
const SECONDS_OF_OWN: f64 = 5.0;
/// The other members of its group.
const OTHERS: usize = 9;
/// Longest wait for these to share the partitions.
const SHARED_OUT: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Bench<'_> {
    /// The start of a replica: how long until it knows all bindings, and what they take.
    pub(crate) async fn restore(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let devices = self.sizes.restored_devices;
        say::progress(&format!("writing the bindings of {devices} devices"));
        let load = load::write_table(self.kafka, devices).await?;
        let empty = load::write_table(self.kafka, 0).await?;
        let (mut runs, mut without) = (Vec::new(), Vec::new());
        for _ in 0..self.sizes.runs {
            let run = self.pipeline("restore", &load, |_| {})?;
            let restored = run.did.restored_devices;
            ensure!(restored == u64::from(devices), "{restored} of {devices} devices restored");
            runs.push(run);
            without.push(self.pipeline("restore nothing", &empty, |_| {})?);
        }
        let seconds = median(&runs, |run| run.did.restored_seconds);
        let [micros, bytes] = a_device(&runs, &without, f64::from(devices));
        let target = f64::from(devices) * SECONDS_A_DEVICE;
        rows.push(
            Row::new("restore, a replica with all bindings", seconds, "s")
                .target(Target::ValueBelow(target))
                .note(format!(
                    "{devices} devices, {} partitions, {micros:.2} us CPU a device",
                    Sizes::TABLE_PARTITIONS
                )),
        );
        let peak = median(&runs, |run| run.did.peak_mb);
        rows.push(
            Row::new("restore, peak memory a device", bytes, "bytes")
                .note(format!("{peak:.0} MB in all, texts of customers included")),
        );
        Ok(())
    }

    /// One of ten replicas that have the bindings of their own partitions: how long it takes from
    /// its assignment until the last of its partitions may be read.
    pub(crate) async fn restore_own(&self, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let devices = self.sizes.restored_devices;
        say::progress(&format!("writing the facts of {devices} devices"));
        let load = load::write_facts(self.kafka, devices).await?;
        let empty = load::write_facts(self.kafka, 0).await?;
        let (mut runs, mut without) = (Vec::new(), Vec::new());
        for _ in 0..self.sizes.runs {
            for (load, runs) in [(&load, &mut runs), (&empty, &mut without)] {
                let group = unique("bench");
                let others = Others::start(self.kafka.bootstrap(), &group, load)?;
                let mut pipeline = self.base(load);
                let raw = format!("[{:?}]", load.topic);
                pipeline.set("TOPICS__REPARTITION", &raw);
                pipeline.set("JOIN__TABLE", "own_partitions");
                pipeline.set("KAFKA__GROUP", &group);
                pipeline.until_tables = true;
                let run = done(&Job::Pipeline(pipeline), &self.cli.under)?;
                drop(others);
                let (partitions, known) = (run.did.partitions, run.did.restored_devices);
                let seconds = run.did.restored_seconds;
                say::progress(&format!("{partitions} partitions: {known} devices, {seconds:.2} s"));
                runs.push(run);
            }
        }
        let seconds = median(&runs, |run| run.did.restored_seconds);
        let partitions = median(&runs, |run| per(run.did.partitions, 1.0));
        let known = median(&runs, |run| per(run.did.restored_devices, 1.0));
        let [micros, bytes] = a_device(&runs, &without, known);
        let row = Row::new("restore, one of ten, its partitions", seconds, "s").note(format!(
            "from its assignment; {partitions:.0} partitions, {known:.0} devices, {micros:.2} us CPU \
             and {bytes:.0} bytes a device at the peak"
        ));
        // Of fewer devices the first fetches are most of it.
        rows.push(if self.cli.quick {
            row
        } else {
            row.target(Target::ValueBelow(SECONDS_OF_OWN))
        });
        Ok(())
    }
}

/// What each of so many devices takes: CPU us, and bytes at the peak.
fn a_device(runs: &[Measured], without: &[Measured], devices: f64) -> [f64; 2] {
    let of_each = |figure: fn(&Measured) -> f64| {
        (median(runs, figure) - median(without, figure)) * 1e6 / devices
    };
    [of_each(|run| run.cpu.as_secs_f64()), of_each(|run| run.did.peak_mb)]
}

/// Members of a devices workers' group that have their part of the partitions, and nothing to
/// read.
struct Others {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Others {
    /// They have joined, and share all partitions.
    fn start(brokers: &str, group: &str, load: &load::Load) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut members = Vec::new();
        for _ in 0..OTHERS {
            let member: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", brokers)
                .set("group.id", format!("{group}-devices"))
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("heartbeat.interval.ms", "1000")
                .set("enable.auto.commit", "false")
                .create()?;
            member.subscribe(&[&load.keyed()])?;
            members.push(member);
        }
        let until = Instant::now() + SHARED_OUT;
        loop {
            let mut owned = Vec::new();
            for member in &members {
                // An error passes: the topic is new.
                drop(member.poll(LOOK_EVERY));
                owned.push(member.assignment()?.count());
            }
            let all = usize::try_from(Sizes::TABLE_PARTITIONS)?;
            if owned.iter().sum::<usize>() == all && owned.iter().all(|count| *count > 0) {
                break;
            }
            ensure!(Instant::now() < until, "the others have not shared the partitions: {owned:?}");
        }
        let serve = |member: BaseConsumer| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    drop(member.poll(LOOK_EVERY));
                }
            })
        };
        let threads = members.into_iter().map(serve).collect();
        Ok(Self { stop, threads })
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
