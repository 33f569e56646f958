use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

use nix::unistd::{Uid, geteuid, setfsuid};
use socket2::{Domain, Socket};
use tokio::io::AsyncReadExt;

use super::*;

fn own() -> u32 {
    geteuid().as_raw()
}

/// Bound to a port of 127.0.0.1, and not listening.
fn bound() -> (OwnedFd, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket.into(), port)
}

#[test]
fn bound_socket_of_the_caller_is_taken() {
    let (socket, port) = bound();
    assert_eq!(check(&socket, port, own()), Ok(Ipv4Addr::LOCALHOST.into()));
    let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(
        check(&listener.into(), port, own()).is_ok_and(|at| !at.is_loopback()),
        "one that listens already, too"
    );
}

#[test]
fn socket_that_is_no_bound_tcp_socket_is_refused() {
    let (socket, port) = bound();
    assert!(check(&socket, port + 1, own()).unwrap_err().contains("is bound to port"));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    assert!(check(&udp.into(), port, own()).unwrap_err().contains("not a TCP socket"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = client.local_addr().unwrap().port();
    assert!(check(&client.into(), port, own()).unwrap_err().contains("end of a connection"));
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    assert!(check(&one.into(), 2345, own()).unwrap_err().contains("not a TCP socket"));
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(check(&file.into(), 2345, own()).is_err());
}

#[test]
fn socket_that_another_user_made_is_refused() {
    let (socket, port) = bound();
    let why = check(&socket, port, own() + 1).unwrap_err();
    assert!(why.contains(&format!("made by user {}", own())), "{why}");
    if geteuid().is_root() {
        let made = std::thread::spawn(|| {
            setfsuid(Uid::from_raw(65_534));
            bound()
        });
        let (socket, port) = made.join().unwrap();
        assert!(check(&socket, port, 65_534).is_ok());
        assert!(check(&socket, port, 0).is_err());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn socket_of_another_network_is_refused() {
    use nix::sched::{CloneFlags, unshare};
    if !geteuid().is_root() {
        println!("not run: a network namespace needs root");
        return;
    }
    let made = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&std::net::SocketAddr::from(([0, 0, 0, 0], 40001)).into()).unwrap();
        OwnedFd::from(socket)
    });
    let why = check(&made.join().unwrap(), 40001, own()).unwrap_err();
    assert!(why.contains("another network namespace"), "{why}");
}

#[tokio::test]
async fn socket_comes_with_its_line_and_no_more_than_four() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (_, mut writer) = ours.into_split();
    let passed = PassedSockets::default();
    let mut requests = SocketRequests::new(theirs.into_std().unwrap(), passed.clone()).unwrap();
    writer.write_all(b"first\n").await.unwrap();
    let (socket, port) = bound();
    send(&mut writer, b"second\n", socket.as_fd()).await.unwrap();
    let mut read = [0; 13];
    requests.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"first\nsecond\n");
    let came = passed.take().expect("it came");
    assert!(check(came.descriptor().unwrap(), port, own()).is_ok());
    assert!(passed.take().is_none());
    for _ in 0..=MOST {
        send(&mut writer, b"x", socket.as_fd()).await.unwrap();
    }
    let mut read = [0; MOST + 1];
    requests.read_exact(&mut read).await.unwrap();
    assert_eq!(passed.kept().sockets.len(), MOST);
    passed.forget();
    assert!(passed.take().is_none());
    passed.refuse();
    send(&mut writer, b"y", socket.as_fd()).await.unwrap();
    requests.read_exact(&mut [0]).await.unwrap();
    assert!(passed.take().is_none(), "a guard without limits keeps none");
}

/// A connected socket whose peer reads nothing, and which waits for that when it is closed.
fn lingering() -> (OwnedFd, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nonblocking(true).unwrap();
    while std::io::Write::write(&mut &client, &[0; 65536]).is_ok() {}
    SockRef::from(&client).set_linger(Some(std::time::Duration::from_secs(20))).unwrap();
    client.set_nonblocking(false).unwrap();
    (client.into(), listener)
}

#[test]
fn socket_that_lingers_holds_up_no_request() {
    let passed = PassedSockets::default();
    let (one, _one_listens) = lingering();
    let (other, _other_listens) = lingering();
    let began = std::time::Instant::now();
    passed.came(one);
    passed.forget();
    passed.refuse();
    passed.came(other);
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
