//! A source that refuses, is away, or points elsewhere.

use chatmirror::simulator::{Fault, Mutation, Speaker, Target};

use super::{completes, mirrored, refused, world};
use crate::service::always;
use crate::support::World;

/// Gives the account something that the mirror does not have yet.
fn something_new(world: &World) {
    let chat = world
        .simulator
        .account(|account| *account.chats.keys().next().unwrap());
    let said = Mutation::say(chat, Speaker::Contact, "Ви ще працюєте?");
    world.simulator.apply(said).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_costs_two_requests_at_most() {
    for world in [world().await, mirrored().await] {
        world.simulator.set_token_valid(false);
        let before = world.simulator.request_count();
        let words = ["refused the token", "make a new token"];
        refused(&world, || world.program(&["sync"]), 77, &words).await;
        refused(&world, || world.program(&["run"]), 77, &words).await;
        // Four runs: each for a person and for a script.
        let each = (world.simulator.request_count() - before).div_ceil(4);
        assert!(each <= 2, "{each} requests with a refused token");
        world.simulator.set_token_valid(true);
        something_new(&world);
        completes(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_down_loses_nothing() {
    let world = mirrored().await;
    something_new(&world);
    let words = ["failed to reach the source", "source.base_url"];
    always(&world, Target::Anything, Fault::Reset);
    refused(&world, || world.program(&["sync"]), 69, &words).await;
    world.simulator.clear_faults();
    always(&world, Target::Anything, Fault::Status(503));
    let words = ["503", "try again later"];
    refused(&world, || world.program(&["sync"]), 69, &words).await;
    world.simulator.clear_faults();
    completes(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_at_the_address() {
    let world = mirrored().await;
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}/v1", socket.local_addr().unwrap());
    drop(socket);
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let own = world.config.source.base_url.as_str();
    std::fs::write(world.config_path(), config.replace(own, &nowhere)).unwrap();
    let words = ["failed to reach the source", "source.base_url"];
    refused(&world, || world.program(&["sync"]), 69, &words).await;
    world.write_config("");
    completes(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_html_is_no_answer() {
    let world = mirrored().await;
    always(&world, Target::Anything, Fault::Html(200));
    let words = ["failed to read the source's answer", "source.base_url"];
    refused(&world, || world.program(&["sync"]), 69, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host_is_never_followed() {
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    for world in [world().await, mirrored().await] {
        let target = format!("http://localhost:{port}");
        always(&world, Target::Anything, Fault::Redirect(target));
        let words = ["redirects to localhost", "source.base_url"];
        refused(&world, || world.program(&["sync"]), 69, &words).await;
        let came = elsewhere.accept().map(|_| ());
        let nobody = came.unwrap_err().kind() == std::io::ErrorKind::WouldBlock;
        assert!(nobody, "the redirect was followed");
        world.simulator.clear_faults();
        completes(&world).await;
    }
}
