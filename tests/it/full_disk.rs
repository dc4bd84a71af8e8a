//! A disk without room: writes are refused by name, reads go on, and with room again so do writes.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::http::Client;
use crate::server::Options;

const MIB: u64 = 1024 * 1024;

/// What is left of the disk when the server refuses: the reserve, and room for opening two shards and
/// the catalog again.
const LEFT_BYTES_MAX: u64 = (32 + 3 * 24) * MIB;

/// A small file system of the test's own, in memory.
struct SmallDisk {
    at: TempDir,
}

impl SmallDisk {
    /// Nothing where mounting is not allowed.
    fn mount() -> Option<Self> {
        let at = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=384m", "tmpfs"])
            .arg(at.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self { at });
        }
        println!("skipped: this user may not mount a small disk");
        None
    }

    fn path(&self) -> &Path {
        self.at.path()
    }

    fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path()).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    /// A file that leaves so many bytes free.
    fn fill_but(&self, free: u64) {
        let mut filler = File::create(self.path().join("filler")).unwrap();
        let piece = vec![0xff; 64 * 1024];
        while self.free_bytes() > free {
            filler.write_all(&piece).unwrap();
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the small disk stays mounted");
    }
}

/// Uses one unit at a time until the answer is another one; gives that answer.
fn use_while(caller: &mut Caller, used: &mut u32, goes_on: fn(&str) -> bool) -> String {
    for _ in 0..10_000 {
        let said = caller.says("USE ada tokens 1");
        if said.starts_with("applied ") {
            *used += 1;
            assert_eq!(said, format!("applied {}", 1_000_000 - *used));
        }
        if !goes_on(&said) {
            return said;
        }
    }
    panic!("nothing changes");
}

#[test]
fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let Some(disk) = SmallDisk::mount() else { return };
    let options = Options::on(&disk.path().join("data")).with(&["--shards", "2"]);
    let server = options.start();
    let mut caller = Caller::of(&server);
    caller.says("METER CREATE tokens");
    assert_eq!(caller.says("GRANT ada tokens 1000000"), "applied 1000000");
    let mut used = 0;
    assert_eq!(caller.says("USE ada tokens 1"), "applied 999999");
    used += 1;
    disk.fill_but(LEFT_BYTES_MAX - MIB);
    // The commit that finds out was taken still.
    let refused = use_while(&mut caller, &mut used, |said| said.starts_with("applied "));
    assert_eq!(refused, "-READONLY disk full");
    let balance = (1_000_000 - used).to_string();
    for line in ["DEBIT ada tokens 1 ID d1", "GRANT ada tokens 1 ID g1", "USE {ada}eve tokens 1"] {
        assert_eq!(caller.says(line), "-READONLY disk full", "{line}");
    }
    assert_eq!(caller.says("BALANCE ada tokens"), balance);
    assert_eq!(caller.says("STATE {ada}eve"), "");
    let mut client = Client::of(&server);
    let event = json!({"events": [{"name": "tokens", "external_customer_id": "{ada}eve"}]});
    let refused = client.post("/v1/events/ingest", &event);
    assert_eq!((refused.status, refused.header("retry-after")), (507, Some("1")));
    assert_eq!(refused.json()["error"], "InsufficientStorage");
    let ada = client.get("/v1/customers/external/ada/state").json();
    assert_eq!(ada["active_meters"][0]["balance"].to_string(), format!("{balance}.0"));

    // Killed with a full disk, it starts again and reads.
    let server = server.kill().start();
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("BALANCE ada tokens"), balance);
    let refused = use_while(&mut caller, &mut used, |said| said.starts_with("applied "));
    assert_eq!(refused, "-READONLY disk full");
    let balance = 1_000_000 - used;

    disk.make_room();
    let taken = use_while(&mut caller, &mut used, |said| said == "-READONLY disk full");
    assert_eq!(taken, format!("applied {}", balance - 1));
    assert_eq!(caller.says("DEBIT ada tokens 1 ID d1"), format!("applied {}", balance - 2));
    let (status, options) = server.stop();
    assert_eq!(status.code(), Some(0));
    let server = options.start();
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("BALANCE ada tokens"), (balance - 2).to_string());
    drop(server);
}
