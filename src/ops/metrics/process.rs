//! What the system knows of this process and its machine: proc(5) and statvfs(3). What cannot be read is left out.

use std::path::Path;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

use super::page::seconds;
use super::{Kind, Page};

/// Bytes of a kibibyte, in which proc(5) counts memory.
const KIB: u64 = 1_024;

/// Free for this user, and all there is, in bytes, of the file system under a path.
#[must_use]
pub fn disk(path: &Path) -> Option<(u64, u64)> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    let unit = found.fragment_size();
    Some((found.blocks_available().saturating_mul(unit), found.blocks().saturating_mul(unit)))
}

/// Memory that can still be had, and all there is, in bytes.
#[must_use]
pub fn memory() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    Some((line_of(&text, "MemAvailable:")?, line_of(&text, "MemTotal:")?))
}

/// A line of proc(5) in bytes.
fn line_of(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * KIB)
}

/// The names that Prometheus' own libraries give these numbers, so that ready-made dashboards find them.
pub fn tell_process(page: &mut Page) {
    if let Ok(text) = std::fs::read_to_string("/proc/self/status") {
        if let Some(bytes) = line_of(&text, "VmRSS:") {
            page.one("process_resident_memory_bytes", Kind::Gauge, "Memory of this process that lies in RAM.", bytes);
        }
        let threads = text.lines().find_map(|line| line.strip_prefix("Threads:")).map(str::trim);
        if let Some(threads) = threads {
            page.one("process_threads", Kind::Gauge, "Threads of this process.", threads);
        }
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        page.one("process_open_fds", Kind::Gauge, "Files and sockets that this process has open.", files.count());
    }
    if let Ok((soft, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        page.one("process_max_fds", Kind::Gauge, "Files and sockets that it may have open.", soft);
    }
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let micros = [usage.user_time(), usage.system_time()].into_iter().map(|time| {
            let whole = u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000;
            whole + u64::try_from(time.tv_usec()).unwrap_or(0)
        });
        let help = "Time on processors that this process has used.";
        page.one("process_cpu_seconds_total", Kind::Counter, help, seconds(micros.sum()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_of_itself() {
        let (free, all) = disk(Path::new("/")).expect("a disk");
        assert!(free <= all && all > 0);
        let (free, all) = memory().expect("memory");
        assert!(0 < free && free <= all);
        let mut page = Page::default();
        tell_process(&mut page);
        let text = page.text();
        for name in ["process_resident_memory_bytes ", "process_open_fds ", "process_max_fds ", "process_cpu_seconds_total "] {
            assert!(text.contains(&format!("\n{name}")), "{name} in {text}");
        }
    }
}
