//! What is installed in a data directory: the rules, the lock file, and what a crash leaves.

mod support;

use jiff::Timestamp;
use labd_plugin_package::{
    files::Files,
    home::{Allowances, Home, InstallError},
    lock::Lock,
    package::{Package, PackageError, scan},
    signing::{SecretKey, TrustError},
    source::{FetchError, Fetched, Source, mirror, quiet},
};
use std::{fs, path::Path};
use support::{fetcher, folder, package, signed};
use tempfile::TempDir;

const UNSIGNED: Allowances = Allowances {
    unsigned: true,
    downgrade: false,
};

struct Case {
    dir: TempDir,
    home: Home,
    key: SecretKey,
}

impl Case {
    /// A data directory that trusts one key for `acme.*`.
    #[expect(clippy::unwrap_used, reason = "test")]
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let case = Self {
            home: Home::new(dir.path()),
            key: SecretKey::generate().unwrap(),
            dir,
        };
        case.trust("");
        case
    }

    #[expect(clippy::unwrap_used, reason = "test")]
    fn trust(&self, more: &str) {
        let text = format!(
            "[[key]]\nname = \"Acme\"\nkey = \"{}\"\nplugins = [\"acme.*\"]\n{more}",
            self.key.public()
        );
        fs::write(self.home.trust_path(), text).unwrap();
    }

    fn signed(&self, version: &str, code: &str) -> Files {
        signed("acme.gateway", version, code, &self.key)
    }

    fn install(
        &self,
        files: Files,
        allowed: Allowances,
    ) -> Result<std::path::PathBuf, InstallError> {
        let fetched = Fetched {
            files,
            source: "./gateway".into(),
            local: true,
        };
        let verified = self.home.verify(fetched, allowed, Timestamp::now())?;
        Ok(self.home.place(verified)?.dir)
    }

    #[expect(clippy::unwrap_used, reason = "test")]
    fn lock(&self) -> Lock {
        Lock::read(&self.home.lock_path()).unwrap()
    }

    fn data(&self) -> &Path {
        self.dir.path()
    }
}

#[test]
fn an_installed_package_is_found_with_its_digest_and_signer_in_the_lock_file() {
    let case = Case::new();
    let files = case.signed("1.0.0", "code");
    let dir = case.install(files.clone(), Allowances::default()).unwrap();
    assert_eq!(dir, case.data().join("plugins/acme.gateway/1.0.0"));
    let lock = case.lock();
    let [locked] = lock.plugins.as_slice() else {
        panic!("{lock:?}");
    };
    assert_eq!(locked.digest, files.digest());
    assert_eq!(locked.signer, Some(case.key.public().id()));
    assert_eq!(Package::open(&dir).unwrap().digest, files.digest().hex());
    // Once more changes nothing.
    case.install(files, Allowances::default()).unwrap();
    assert_eq!(case.lock(), lock);
    let examined = case.home.examine(None, Timestamp::now()).unwrap();
    assert!(examined.iter().all(|one| one.verdict.is_ok()));
    assert_eq!(examined.len(), 1);
}

#[test]
fn without_a_signature_only_a_package_of_this_machine_is_taken_and_only_when_told() {
    let case = Case::new();
    let files = package("acme.gateway", "1.0.0", "code");
    let refused = case.install(files.clone(), Allowances::default());
    assert!(matches!(
        refused,
        Err(InstallError::Trust(TrustError::Unsigned(_)))
    ));
    let afar = Fetched {
        files: files.clone(),
        source: "oci://registry.example/acme/gateway:1".into(),
        local: false,
    };
    let refused = case.home.verify(afar, UNSIGNED, Timestamp::now());
    assert!(matches!(refused, Err(InstallError::UnsignedFromAfar(_))));
    case.install(files, UNSIGNED).unwrap();
    assert_eq!(case.lock().plugins[0].signer, None);
    let examined = case.home.examine(Some("acme.gateway"), Timestamp::now());
    assert!(matches!(examined.unwrap()[0].verdict, Ok(None)));
}

#[test]
fn a_wrong_signature_is_refused_whatever_is_allowed() {
    let case = Case::new();
    let stranger = SecretKey::generate().unwrap();
    let files = signed("acme.gateway", "1.0.0", "code", &stranger);
    let refused = case.install(files, UNSIGNED);
    assert!(matches!(
        refused,
        Err(InstallError::Trust(TrustError::UnknownKey { .. }))
    ));
    let signature = case.signed("1.0.0", "code").signature().cloned().unwrap();
    let other = package("acme.gateway", "1.0.0", "other").with_signature(signature);
    let refused = case.install(other, UNSIGNED);
    assert!(matches!(
        refused,
        Err(InstallError::Trust(TrustError::Changed { .. }))
    ));
    assert!(!case.home.plugins().exists());
}

#[test]
fn a_version_never_changes_and_an_older_one_needs_a_word() {
    let case = Case::new();
    case.install(case.signed("1.1.0", "code"), Allowances::default())
        .unwrap();
    let other = case.install(case.signed("1.1.0", "other"), Allowances::default());
    assert!(matches!(other, Err(InstallError::OtherContent { .. })));
    let older = case.install(case.signed("1.0.0", "code"), Allowances::default());
    assert!(matches!(older, Err(InstallError::Downgrade { .. })));
    let allowed = Allowances {
        downgrade: true,
        ..Allowances::default()
    };
    case.install(case.signed("1.0.0", "code"), allowed).unwrap();
    case.install(case.signed("2.0.0-rc.1", "code"), Allowances::default())
        .unwrap();
    let versions: Vec<_> = case
        .lock()
        .plugins
        .iter()
        .map(|p| p.version.to_string())
        .collect();
    assert_eq!(versions, ["1.0.0", "1.1.0", "2.0.0-rc.1"]);
}

#[test]
fn what_was_changed_after_it_was_installed_does_not_open() {
    for path in ["plugin.wasm", "plugin.toml", "README.md"] {
        let case = Case::new();
        let dir = case
            .install(case.signed("1.0.0", "code"), Allowances::default())
            .unwrap();
        let mut text = fs::read(dir.join(path)).unwrap();
        text.push(b'\n');
        fs::write(dir.join(path), text).unwrap();
        assert!(
            matches!(Package::open(&dir), Err(PackageError::Tampered { .. })),
            "{path}"
        );
        let found = scan(&case.home.plugins());
        assert!(found[0].1.is_err(), "{path}");
        let examined = case.home.examine(None, Timestamp::now()).unwrap();
        assert!(examined[0].verdict.is_err(), "{path}");
    }
    // Assets are looked at when they are served, and by the examination.
    let case = Case::new();
    let dir = case
        .install(case.signed("1.0.0", "code"), Allowances::default())
        .unwrap();
    fs::write(dir.join("assets/vendor/x.js"), "evil()").unwrap();
    assert!(Package::open(&dir).unwrap().asset("vendor/x.js").is_none());
    assert!(
        case.home.examine(None, Timestamp::now()).unwrap()[0]
            .verdict
            .is_err()
    );
}

#[test]
fn what_a_revoked_key_signed_does_not_open() {
    let case = Case::new();
    let dir = case
        .install(case.signed("1.0.0", "code"), Allowances::default())
        .unwrap();
    // Running out does not stop what was installed before.
    case.trust("expires = \"2020-01-01\"\n");
    assert!(Package::open(&dir).is_ok());
    case.trust("revoked = \"it was lost\"\n");
    assert!(matches!(
        Package::open(&dir),
        Err(PackageError::Revoked { .. })
    ));
    assert!(
        case.home.examine(None, Timestamp::now()).unwrap()[0]
            .verdict
            .is_err()
    );
}

#[test]
fn a_package_that_the_host_refuses_goes_as_if_it_had_never_come() {
    let case = Case::new();
    case.install(case.signed("1.0.0", "code"), Allowances::default())
        .unwrap();
    let before = case.lock();
    let fetched = Fetched {
        files: case.signed("1.1.0", "bad"),
        source: "./gateway".into(),
        local: true,
    };
    let verified = case
        .home
        .verify(fetched, Allowances::default(), Timestamp::now());
    let placed = case.home.place(verified.unwrap()).unwrap();
    assert!(placed.dir.exists());
    case.home.undo(&placed).unwrap();
    assert!(!placed.dir.exists());
    assert_eq!(case.lock(), before);
    assert_eq!(scan(&case.home.plugins()).len(), 1);
}

#[test]
fn a_crash_in_the_middle_leaves_the_old_version_and_nothing_else() {
    let case = Case::new();
    let old = case
        .install(case.signed("1.0.0", "code"), Allowances::default())
        .unwrap();
    // As far as an installation comes before its rename: some files, and the lock file's entry.
    let half = case.home.plugins().join(".installing-0123456789abcdef");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("plugin.toml"), "schema = 1\n").unwrap();
    let mut lock = case.lock();
    let mut entry = lock.plugins[0].clone();
    entry.version = "1.1.0".parse().unwrap();
    lock.insert(entry);
    lock.write(&case.home.lock_path()).unwrap();

    let found = scan(&case.home.plugins());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.as_ref().unwrap().dir, old);
    case.home.tidy();
    assert!(!half.exists());
    // The version that did not come can still come, with any content.
    case.install(case.signed("1.1.0", "new"), Allowances::default())
        .unwrap();
    fs::remove_dir_all(&old).unwrap();
    case.home.prune().unwrap();
    assert_eq!(case.lock().plugins.len(), 1);
}

#[test]
fn what_was_put_there_by_hand_opens_as_before() {
    let case = Case::new();
    let by_hand = case.home.plugins().join("acme.gateway/1.0.0");
    package("acme.gateway", "1.0.0", "code")
        .write_dir(&{
            fs::create_dir_all(by_hand.parent().unwrap()).unwrap();
            by_hand.clone()
        })
        .unwrap();
    assert!(Package::open(&by_hand).is_ok());
}

#[tokio::test]
async fn a_mirror_gives_exactly_what_the_lock_file_says_without_any_network() {
    let case = Case::new();
    let origin = folder(case.data(), "acme.gateway", "1.0.0", "code");
    let source = Source::parse(origin.to_str().unwrap()).unwrap();
    let fetched = fetcher(None)
        .fetch(&source, None, None, &quiet)
        .await
        .unwrap();
    let digest = fetched.files.digest();
    let verified = case
        .home
        .verify(fetched, UNSIGNED, Timestamp::now())
        .unwrap();
    case.home.place(verified).unwrap();

    let folder = case.data().join("mirror");
    let lock = case.lock();
    let login = |_: &Source| None;
    let files = mirror::fill(&fetcher(None), &lock, &folder, login, &quiet).await;
    assert_eq!(
        files.unwrap(),
        [folder.join("acme.gateway-1.0.0.labd-plugin")]
    );
    assert_eq!(
        Lock::read_existing(&folder.join(mirror::LOCK)).unwrap(),
        lock
    );
    // The origin is gone, and what is there is kept.
    fs::remove_dir_all(&origin).unwrap();
    let again = mirror::fill(&fetcher(None), &lock, &folder, login, &quiet).await;
    assert_eq!(again.unwrap().len(), 1);

    let mirrored = fetcher(Some(&folder));
    for text in ["acme.gateway", "acme.gateway@1.0.0"] {
        let source = Source::parse(text).unwrap();
        let fetched = mirrored.fetch(&source, Some(digest), None, &quiet).await;
        let fetched = fetched.unwrap();
        assert_eq!((fetched.files.digest(), fetched.local), (digest, true));
        assert_eq!(fetched.source, "acme.gateway@1.0.0");
    }
    let absent = Source::parse("acme.gateway@2.0.0").unwrap();
    let error = mirrored.fetch(&absent, None, None, &quiet).await;
    assert!(matches!(error, Err(FetchError::NotMirrored { .. })));

    // Other bytes under the right name are refused, by the digest as by the name within.
    let other = package("acme.gateway", "1.0.0", "other");
    let file = folder.join("acme.gateway-1.0.0.labd-plugin");
    fs::write(&file, labd_plugin_package::archive::write(&other).unwrap()).unwrap();
    let exact = Source::parse("acme.gateway@1.0.0").unwrap();
    let error = mirrored.fetch(&exact, Some(digest), None, &quiet).await;
    assert!(matches!(error, Err(FetchError::OtherDigest { .. })));
    fs::rename(&file, folder.join("acme.gateway-2.0.0.labd-plugin")).unwrap();
    let error = mirrored.fetch(&absent, None, None, &quiet).await;
    assert!(matches!(error, Err(FetchError::Misnamed { .. })));
}
