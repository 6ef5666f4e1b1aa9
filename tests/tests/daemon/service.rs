//! The daemon under a service manager.

use labd_tests::daemon::{Daemon, Home, until};
use std::{fs, time::Duration};
use tokio::{net::UnixDatagram, process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);

async fn told(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 200];
    let length = timeout(PATIENCE, manager.recv(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

async fn signal(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .await;
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn the_service_manager_is_told_when_the_daemon_is_ready_and_when_it_stops() {
    let home = Home::new().unwrap();
    let socket = home.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let mut daemon = home
        .labd(&["serve", "--no-sample", "--listen", "127.0.0.1:0"])
        .unwrap()
        .env("NOTIFY_SOCKET", &socket)
        .spawn()
        .unwrap();
    assert_eq!(told(&manager).await, "READY=1");
    // Ready means that it answers, at once.
    assert_eq!(home.run(&["status"]).await.unwrap().code, 0);
    signal("-TERM", daemon.id().unwrap()).await;
    assert_eq!(told(&manager).await, "STOPPING=1");
    let end = timeout(PATIENCE, daemon.wait()).await.unwrap().unwrap();
    assert!(end.success());
}

#[tokio::test]
async fn a_hangup_reads_the_configuration_again_and_a_bad_one_changes_nothing() {
    let home = Home::new().unwrap();
    let file = home.path().join("config/labd/labd.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "log = \"error\"\n").unwrap();
    let mut daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    assert_eq!(daemon.home.log(), "");
    let says = async |text: &'static str| {
        until(text, async || {
            daemon.home.log().contains(text).then_some(())
        })
        .await
        .unwrap();
    };

    fs::write(&file, "log = \"info\"\nsample = false\n").unwrap();
    signal("-HUP", daemon.pid()).await;
    says("the configuration was read again").await;
    says("changes that count after a restart: sample").await;

    fs::write(&file, "log = \"info\"\nlisten_port = 1\n").unwrap();
    signal("-HUP", daemon.pid()).await;
    says("the configuration stays as it was").await;
    assert!(
        daemon.home.log().contains("listen_port"),
        "{}",
        daemon.home.log()
    );
    assert_eq!(daemon.get("/status").await.unwrap().status, 200);
    // Lines at the new level arrive: the end is told at `info`.
    fs::remove_file(&file).unwrap();
    assert!(daemon.stop().await.unwrap().success());
    assert!(
        daemon.home.log().contains("stopped"),
        "{}",
        daemon.home.log()
    );
}
