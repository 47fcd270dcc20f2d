use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use miette::Diagnostic;

use super::*;

fn key() -> Key {
    Key {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        serial: "arn:aws:iam::123456789012:mfa/ada".into(),
        role: None,
        partition: "aws".into(),
        duration_seconds: 43_200,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn entry(ends: i64) -> Entry {
    Entry {
        keys: Keys {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "very-secret".into(),
            session_token: Some("long-token".into()),
            expiration: Some(at(ends)),
        },
        ends: at(ends),
        begun: at(0),
        user_key: key().access_key_id,
        serial: key().serial,
        role: None,
        arn: "arn:aws:iam::123456789012:user/ada".into(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn cache() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("konta/sessions"));
    (folder, cache)
}

#[test]
fn a_session_is_kept_for_its_owner_alone_and_read_until_five_minutes_before_its_end() {
    let (_folder, cache) = cache();
    assert!(cache.find(&key(), at(0)).unwrap().is_none());
    cache.write(&key(), &entry(10_000), at(0)).unwrap();
    assert_eq!(mode(&cache.folder.path), 0o700);
    let file = cache.folder.path.join(key().file());
    assert_eq!(mode(&file), 0o600);
    let found = cache.find(&key(), at(9_699)).unwrap().unwrap();
    assert_eq!(found.keys.session_token.unwrap().expose_secret(), "long-token");
    assert!(cache.find(&key(), at(9_700)).unwrap().is_none());
}

#[test]
fn every_part_of_the_key_tells_sessions_apart() {
    let other = |change: fn(&mut Key)| {
        let mut other = key();
        change(&mut other);
        other.file()
    };
    let names = [
        key().file(),
        other(|k| k.access_key_id.push('X')),
        other(|k| k.serial.push('X')),
        other(|k| k.role = Some("arn:aws:iam::123456789012:role/deploy".into())),
        other(|k| k.partition = "aws-cn".into()),
        other(|k| k.duration_seconds = 3600),
    ];
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn a_file_or_folder_that_others_may_read_is_refused_with_the_way_to_close_it() {
    let (_folder, cache) = cache();
    cache.write(&key(), &entry(10_000), at(0)).unwrap();
    let file = cache.folder.path.join(key().file());
    for wide in [0o640, 0o604, 0o660, 0o644] {
        set_mode(&file, wide);
        let error = cache.find(&key(), at(0)).unwrap_err();
        let help = error.help().unwrap().to_string();
        assert!(help.contains(&format!("chmod 600 {}", file.display())), "{help}");
    }
    set_mode(&file, 0o600);
    assert!(cache.find(&key(), at(0)).unwrap().is_some());
    set_mode(&cache.folder.path, 0o750);
    assert!(cache.find(&key(), at(0)).unwrap_err().help().unwrap().to_string().contains("chmod 700"));
    assert!(matches!(cache.write(&key(), &entry(10_000), at(0)), Err(CacheError::Open { .. })));
}

#[test]
fn a_link_in_place_of_a_file_or_folder_is_refused() {
    let (folder, cache) = cache();
    cache.write(&key(), &entry(10_000), at(0)).unwrap();
    let file = cache.folder.path.join(key().file());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(cache.find(&key(), at(0)).is_err());
    let real = folder.path().join("real");
    fs::rename(&cache.folder.path, &real).unwrap();
    std::os::unix::fs::symlink(&real, &cache.folder.path).unwrap();
    assert!(matches!(cache.find(&key(), at(0)), Err(CacheError::Open { .. })));
}

#[test]
fn half_a_file_counts_as_none_and_what_has_ended_is_swept() {
    let (_folder, cache) = cache();
    cache.write(&key(), &entry(10_000), at(0)).unwrap();
    let whole = fs::read(cache.folder.path.join(key().file())).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        fs::write(cache.folder.path.join(key().file()), &whole[..length]).unwrap();
        assert!(cache.find(&key(), at(0)).unwrap().is_none());
    }
    let mut other = key();
    other.serial.push('2');
    cache.write(&other, &entry(20_000), at(0)).unwrap();
    assert!(!cache.folder.path.join(key().file()).exists(), "a file that is not a session is removed");
    cache.write(&key(), &entry(1_000_000), at(20_000 + 3_601)).unwrap();
    assert!(!cache.folder.path.join(other.file()).exists(), "a session that has ended is removed");
    assert_eq!(cache.forget(|entry| entry.serial == key().serial).unwrap(), 1);
    assert!(cache.entries().unwrap().is_empty());
}

#[test]
fn one_device_is_asked_by_one_command_at_a_time() {
    let (_folder, cache) = cache();
    let held = cache.try_lock("device").unwrap().unwrap();
    assert!(cache.try_lock("device").unwrap().is_none());
    assert!(cache.try_lock("another").unwrap().is_some());
    drop(held);
    assert!(cache.try_lock("device").unwrap().is_some());
}

#[test]
fn nothing_that_is_printed_of_an_entry_is_secret() {
    let text = format!("{:?}", entry(1));
    assert!(!text.contains("very-secret") && !text.contains("long-token") && !text.contains("ASIAIOSF"), "{text}");
}
