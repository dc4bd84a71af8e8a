use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const NEW: Terms = Terms { shards: Term::Suggested(2), clock: Term::Suggested(ClockKind::System) };

fn made() -> (TempDir, PathBuf, Identity) {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("deep/data");
    let (directory, made) = DataDir::open_or_create(&path, NEW).unwrap();
    assert_eq!(made, Made::Now);
    let identity = directory.identity().clone();
    (temp, path, identity)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_directory_has_all_its_parts_and_keeps_its_identity() {
    let (_temp, path, identity) = made();
    assert_eq!(
        contents(&path).unwrap(),
        ["LOCK", "catalog", "directory.toml", "shard-000", "shard-001"]
    );
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(IDENTITY)), 0o600);
    let (again, made) = DataDir::open_or_create(&path, NEW).unwrap();
    assert_eq!(made, Made::Before);
    assert_eq!(again.identity(), &identity);
    assert!(again.shard(ShardNumber(1)).is_dir());
    assert!(again.catalog().is_dir());
}

#[test]
fn two_directories_are_not_the_same() {
    let (_a, _, a) = made();
    let (_b, _, b) = made();
    assert_ne!(a.id, b.id);
    assert_ne!(a.seed, b.seed);
}

#[test]
fn a_second_user_is_told_who_the_first_one_is() {
    let (_temp, path, _) = made();
    let _first = DataDir::open(&path).unwrap();
    let error = DataDir::open_or_create(&path, NEW).unwrap_err();
    let DataDirError::Locked { pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*pid, std::process::id().to_string());
    assert!(error.to_string().contains("is in use by process"), "{error}");
}

#[test]
fn the_lock_ends_with_its_holder() {
    let (_temp, path, _) = made();
    drop(DataDir::open(&path).unwrap());
    assert!(DataDir::open(&path).is_ok());
}

#[test]
fn what_the_directory_was_made_with_stays() {
    let (_temp, path, _) = made();
    let asked = Terms { shards: Term::Asked(3), ..NEW };
    let error = DataDir::open_or_create(&path, asked).unwrap_err();
    assert!(error.to_string().ends_with("was made with shards 2, not 3"), "{error}");
    let asked = Terms { clock: Term::Asked(ClockKind::Manual), ..NEW };
    let error = DataDir::open_or_create(&path, asked).unwrap_err();
    assert!(error.to_string().ends_with("was made with clock system, not manual"), "{error}");
    let suggested = Terms { shards: Term::Suggested(9), ..NEW };
    assert!(DataDir::open_or_create(&path, suggested).is_ok());
}

#[test]
fn every_changed_character_of_the_identity_is_found_or_harmless() {
    let (_temp, path, identity) = made();
    let text = fs::read_to_string(path.join(IDENTITY)).unwrap();
    let body_at = text.find("format").unwrap();
    for place in body_at..text.len() - 1 {
        let mut changed = text.clone().into_bytes();
        changed[place] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        if let Ok(read) = Identity::from_text(&changed) {
            assert_eq!(read, identity, "a change at {place} went by");
        }
    }
    for length in 0..text.len() - 1 {
        assert!(Identity::from_text(&text[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let (_temp, path, _) = made();
    fs::write(path.join(IDENTITY), "format = 7\nwhatever = [1, 2]\n").unwrap();
    let error = DataDir::open(&path).unwrap_err();
    assert!(matches!(error, DataDirError::Newer { found: 7, .. }), "{error}");
    assert!(error.to_string().contains("has format 7, this version reads up to 1"), "{error}");
}

#[test]
fn data_without_an_identity_is_never_an_empty_start() {
    let (_temp, path, _) = made();
    fs::write(path.join("shard-001/journal"), "x").unwrap();
    fs::remove_file(path.join(IDENTITY)).unwrap();
    for error in
        [DataDir::open_or_create(&path, NEW).unwrap_err(), DataDir::open(&path).unwrap_err()]
    {
        let DataDirError::LostIdentity { file, data } = error else { panic!("{error}") };
        assert_eq!(file, path.canonicalize().unwrap().join(IDENTITY));
        assert!(data.ends_with("shard-001"));
    }
}

#[test]
fn a_making_that_was_cut_short_is_finished() {
    let temp = TempDir::new().unwrap();
    fs::create_dir(temp.path().join("shard-000")).unwrap();
    fs::write(temp.path().join("LOCK"), "1\n").unwrap();
    fs::write(temp.path().join("directory.toml.unfinished"), "format").unwrap();
    let (directory, made) = DataDir::open_or_create(temp.path(), NEW).unwrap();
    assert_eq!(made, Made::Now);
    assert_eq!(directory.identity().shards, 2);
    assert!(!temp.path().join("directory.toml.unfinished").exists());
}

#[test]
fn a_directory_of_others_is_left_alone() {
    let temp = TempDir::new().unwrap();
    fs::write(temp.path().join("thesis.tex"), "x").unwrap();
    let error = DataDir::open_or_create(temp.path(), NEW).unwrap_err();
    assert!(matches!(error, DataDirError::Foreign { .. }), "{error}");
    assert_eq!(contents(temp.path()).unwrap(), ["thesis.tex"]);
}

#[test]
fn a_missing_shard_is_refused() {
    let (_temp, path, _) = made();
    fs::remove_dir(path.join("shard-001")).unwrap();
    let error = DataDir::open_or_create(&path, NEW).unwrap_err();
    let DataDirError::Missing { missing } = error else { panic!("{error}") };
    assert!(missing.ends_with("shard-001"));
}

#[test]
fn an_absent_directory_is_not_made_by_opening_it() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("none");
    assert!(matches!(DataDir::open(&path), Err(DataDirError::Absent { .. })));
    assert!(matches!(DataDir::open(temp.path()), Err(DataDirError::Absent { .. })));
    assert!(!path.exists());
    assert_eq!(contents(temp.path()).unwrap(), [""; 0]);
}

#[test]
fn the_admin_token_is_made_once_and_for_the_owner_alone() {
    let (_temp, path, _) = made();
    let directory = DataDir::open(&path).unwrap();
    assert!(read_admin_token(&path).unwrap().is_none());
    let token = directory.keep_admin_token().unwrap();
    assert_eq!(mode(&path.join(ADMIN_TOKEN)), 0o600);
    assert_eq!(directory.keep_admin_token().unwrap(), token);
    assert_eq!(read_admin_token(&path).unwrap(), Some(token));
}

#[test]
fn a_running_server_is_announced_until_it_stops() {
    let (_temp, path, _) = made();
    let directory = DataDir::open(&path).unwrap();
    let running = Running {
        pid: 17,
        resp: "127.0.0.1:6479".parse().unwrap(),
        http: "[::1]:8479".parse().unwrap(),
    };
    let announced = directory.announce(&running).unwrap();
    assert_eq!(Running::read(&path).unwrap(), Some(running.clone()));
    assert_eq!(
        running.ready_line(Path::new("/data")),
        "ready resp=127.0.0.1:6479 http=[::1]:8479 data=/data"
    );
    drop(announced);
    assert_eq!(Running::read(&path).unwrap(), None);
}
