//! What the operating system says of a process's memory.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What it takes now.
    pub resident: u64,
    /// The most that it ever took.
    pub peak: u64,
}

/// The memory of the program that a shell runs: its largest child, beside which there is one
/// that listens for signals.
pub(super) fn of_child(shell: u32) -> Result<Memory> {
    let parent = shell.to_string();
    let mut largest: Option<Memory> = None;
    for entry in fs::read_dir("/proc").context("the system tells nothing of processes")? {
        // One that has ended meanwhile is none of ours.
        let Some(status) = status(&entry?.path()) else { continue };
        if field(&status, "PPid:") != Some(parent.as_str()) {
            continue;
        }
        let Some(memory) = memory(&status) else { continue };
        if largest.is_none_or(|largest| memory.resident > largest.resident) {
            largest = Some(memory);
        }
    }
    largest.context("the program does not run")
}

fn status(process: &Path) -> Option<String> {
    let name = process.file_name()?.to_str()?;
    name.parse::<u32>().ok()?;
    fs::read_to_string(process.join("status")).ok()
}

fn memory(status: &str) -> Option<Memory> {
    let kibibytes = |name| field(status, name)?.parse::<u64>().ok();
    let (resident, peak) = (kibibytes("VmRSS:")?, kibibytes("VmHWM:")?);
    Some(Memory { resident: resident * 1024, peak: peak * 1024 })
}

/// The first word of a field's value.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::{Memory, field, memory};

    #[test]
    fn a_status_page_tells_memory_in_kibibytes() {
        let status = "Name:\temberline\nPPid:\t17\nVmHWM:\t    2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(memory(status), Some(Memory { resident: 1 << 20, peak: 2 << 20 }));
        assert_eq!(field(status, "PPid:"), Some("17"));
        assert_eq!(memory("Name:\tkthread\nPPid:\t2\n"), None);
    }
}
