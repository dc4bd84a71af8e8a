use std::io::Write;

use tempfile::NamedTempFile;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flags_with(file: &NamedTempFile) -> Flags {
    Flags { config: Some(file.path().to_owned()), ..Flags::default() }
}

#[test]
fn without_any_source_the_defaults_hold() {
    let config = Config::load(&Flags::default(), &Environment::new()).unwrap();
    assert_eq!(config.data_dir.value, PathBuf::from("./drawdown-data"));
    assert_eq!(config.resp.value, "127.0.0.1:6479".parse().unwrap());
    assert_eq!(config.http.value, "127.0.0.1:8479".parse().unwrap());
    assert!(config.shards.value.0 >= 1);
    assert_eq!(config.durability.value, Durability::Fsync);
    assert_eq!(config.clock.value, ClockKind::System);
    assert_eq!(config.connections_max.value.get(), 4_096);
    assert_eq!(config.snapshot_interval.value, Duration::from_mins(1));
    assert_eq!(config.snapshot_records.value.get(), 16_000_000);
    assert_eq!(config.key_window.value, Duration::from_hours(35 * 24));
    assert_eq!(config.reserve_bytes.value, Bytes(32 << 20));
    assert!(config.lines().iter().all(|(_, _, origin)| **origin == Origin::Default));
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = file("shards = 2\nresp = \"127.0.0.1:1\"\nkey_window = \"7d\"\n");
    let mut flags = flags_with(&file);
    flags.shards = Some("4".to_owned());
    let said = environment(&[("DRAWDOWN_SHARDS", "3"), ("DRAWDOWN_RESP", "127.0.0.1:2")]);
    let config = Config::load(&flags, &said).unwrap();
    assert_eq!(config.shards.value, Shards(4));
    assert_eq!(config.shards.origin, Origin::Flag("--shards"));
    assert_eq!(config.resp.value, "127.0.0.1:2".parse().unwrap());
    assert_eq!(config.resp.origin, Origin::Environment("DRAWDOWN_RESP"));
    assert_eq!(config.key_window.value, Duration::from_hours(7 * 24));
    assert_eq!(config.key_window.origin, Origin::File(file.path().to_owned()));
    assert_eq!(config.http.origin, Origin::Default);
}

#[test]
fn the_environment_may_name_the_file() {
    let file = file("durability = \"os\"\nconnections_max = 7\n");
    let said = environment(&[("DRAWDOWN_CONFIG", file.path().to_str().unwrap())]);
    let config = Config::load(&Flags::default(), &said).unwrap();
    assert_eq!(config.durability.value, Durability::Os);
    assert_eq!(config.connections_max.value.get(), 7);
}

#[test]
fn a_key_that_means_nothing_is_named_with_its_file() {
    let file = file("shard = 2\n");
    let error = Config::load(&flags_with(&file), &Environment::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: unknown key \"shard\"", file.path().display()));
}

#[test]
fn a_variable_that_means_nothing_is_named() {
    let said = environment(&[("DRAWDOWN_DATADIR", "x")]);
    let error = Config::load(&Flags::default(), &said).unwrap_err();
    assert_eq!(error.to_string(), "unknown environment variable DRAWDOWN_DATADIR");
}

#[test]
fn variables_of_others_are_left_alone() {
    let said = environment(&[
        ("DRAWDOWN_SERVICE_HOST", "10.0.0.1"),
        ("DRAWDOWN_PORT_6479_TCP", "tcp://10.0.0.1:6479"),
        ("DRAWDOWN_TOKEN", "secret"),
        ("DRAWDOWN_LOG", "debug"),
        ("PATH", "/bin"),
    ]);
    assert!(Config::load(&Flags::default(), &said).is_ok());
}

#[test]
fn a_bad_value_says_what_where_and_what_instead() {
    let flags = Flags { durability: Some("maybe".to_owned()), ..Flags::default() };
    let error = Config::load(&flags, &Environment::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "durability (flag --durability) is \"maybe\", which is not fsync or os"
    );
}

#[test]
fn broken_toml_is_an_error_with_its_file() {
    let file = file("resp = \"[::1]:0\"\nshards = = 2\n");
    let error = Config::load(&flags_with(&file), &Environment::new()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("{}:2: ", file.path().display())), "{text}");
    assert!(!text.contains('\n'), "{text}");
    assert!(matches!(error, ConfigError::Syntax { .. }));
}

#[test]
fn a_missing_file_is_an_error() {
    let flags = Flags { config: Some("/nonexistent/drawdown.toml".into()), ..Flags::default() };
    let error = Config::load(&flags, &Environment::new()).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }));
}

#[test]
fn keys_flags_and_variables_are_one_name_in_three_spellings() {
    for (key, variable) in KEYS.iter().zip(VARIABLES) {
        assert_eq!(*variable, format!("DRAWDOWN_{}", key.to_ascii_uppercase()));
    }
    let command = <Flags as clap::Args>::augment_args(clap::Command::new("serve"));
    let flags: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let spelt = KEYS.iter().map(|key| key.replace('_', "-"));
    let expected: Vec<String> = ["config".to_owned()].into_iter().chain(spelt).collect();
    assert_eq!(flags, expected);
}

#[test]
fn lengths_of_time() {
    let read = <Duration as Value>::parse;
    assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(read("90s"), Some(Duration::from_secs(90)));
    assert_eq!(read("15m"), Some(Duration::from_mins(15)));
    assert_eq!(read("12 h"), Some(Duration::from_hours(12)));
    for text in ["", "60", "s", "-1s", "1.5s", "1w", "99999999999999999d"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn numbers_of_bytes() {
    let read = <Bytes as Value>::parse;
    assert_eq!(read("4096"), Some(Bytes(4_096)));
    assert_eq!(read("64MiB"), Some(Bytes(64 << 20)));
    assert_eq!(read("2 GiB"), Some(Bytes(2 << 30)));
    for text in ["", "MiB", "64MB", "-1", "1e3", "99999999999999GiB"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn counts_and_addresses() {
    assert_eq!(<NonZeroU32 as Value>::parse("0"), None);
    assert_eq!(<NonZeroU32 as Value>::parse("+1"), None);
    assert_eq!(<Shards as Value>::parse("0"), None);
    assert_eq!(<Shards as Value>::parse("1025"), None);
    assert_eq!(<SocketAddr as Value>::parse("localhost:0"), Some(([127, 0, 0, 1], 0).into()));
    assert_eq!(<SocketAddr as Value>::parse("6479"), None);
}
