//! What was used is counted once, costs what the prices say, and ends where a budget does.

use crate::bench::{Bench, Reply, customer, request};
use labd_gateway::Customer;
use labd_plugin_host::{
    Fault, PluginError,
    kinds::ai::{Event, FinishReason, Usage},
};
use labd_protocol::{BudgetScope, ErrorCode};
use serde_json::json;

#[tokio::test]
async fn what_was_used_is_counted_by_model_user_and_project_and_survives_a_restart() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "prices": [{ "model": "m", "input": 10.0, "output": 50.0 }] }))
        .await;
    bench.ask("One/m").await.unwrap();
    bench.ask("One/m").await.unwrap();
    let route = bench.gateway.named("One/other").await.unwrap();
    let customer = Customer {
        user: "bob".into(),
        project: Some("p".into()),
    };
    let answer = bench.gateway.complete(&customer, &route, request("hi"));
    drop(answer.await.unwrap());

    for gateway in [bench.gateway.clone(), bench.restarted().await] {
        let lines = gateway.usage(1).unwrap();
        let of = |model: &str| lines.iter().find(|line| line.model == model).unwrap();
        let (first, second) = (of("m"), of("other"));
        assert_eq!(
            (first.user.as_str(), first.project.as_deref()),
            ("ann", None)
        );
        assert_eq!(first.totals.requests, 2);
        assert_eq!((first.totals.input, first.totals.output), (200, 40));
        assert!(
            (first.totals.money - 0.004).abs() < 1e-9,
            "{}",
            first.totals.money
        );
        assert_eq!(second.project.as_deref(), Some("p"));
        // It was dropped before the provider told: an estimate.
        assert_eq!((second.totals.requests, second.totals.unpriced), (1, 1));
        assert_eq!(gateway.status().unwrap().today.requests, 3);
    }
}

#[tokio::test]
async fn a_request_with_many_attempts_is_counted_once() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench.configure(json!({})).await;
    let down = || Reply::Refuse(PluginError::Unavailable(Fault::new("down")));
    bench.fake.play("k1", [down(), down(), Reply::text("late")]);
    bench.ask("One/m").await.unwrap();
    let totals = bench.gateway.status().unwrap().today;
    assert_eq!(
        (totals.requests, totals.failures, totals.input),
        (1, 0, 100)
    );
    // One that nobody answered used nothing.
    bench.fake.play("k1", [down(), down(), down()]);
    bench.ask("One/m").await.unwrap_err();
    assert_eq!(bench.gateway.status().unwrap().today.requests, 1);
}

#[tokio::test]
async fn a_spent_budget_refuses_the_next_request_of_that_user_only() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "budgets": [{ "scope": "user", "tokens_per_day": 150 }] }))
        .await;
    bench.ask_for("One/m", "ann", request("hi")).await.unwrap();
    bench.ask_for("One/m", "ann", request("hi")).await.unwrap();
    let error = bench
        .ask_for("One/m", "ann", request("hi"))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!(error.message.contains("ann"), "{}", error.message);
    assert!(error.hint.unwrap().contains("labd gateway config"));
    bench.ask_for("One/m", "bob", request("hi")).await.unwrap();
    let budgets = bench.gateway.status().unwrap().budgets;
    let ann = budgets
        .iter()
        .find(|one| one.id.as_deref() == Some("ann"))
        .unwrap();
    assert_eq!(
        (ann.scope, ann.tokens, ann.tokens_per_day),
        (BudgetScope::User, 240, Some(150))
    );
}

#[tokio::test]
async fn money_is_bounded_too_and_a_project_has_a_budget_of_its_own() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({
            "prices": [{ "model": "*", "input": 10_000.0, "output": 0.0 }],
            "budgets": [{ "scope": "project", "id": "p", "money_per_day": 0.5 }],
        }))
        .await;
    let route = bench.gateway.named("One/m").await.unwrap();
    let ask = async |project: &str| {
        let customer = Customer {
            user: "ann".into(),
            project: Some(project.into()),
        };
        let mut answer = bench
            .gateway
            .complete(&customer, &route, request("hi"))
            .await?;
        while !answer.next(8).await?.is_empty() {}
        Ok::<_, labd_protocol::ApiError>(())
    };
    ask("p").await.unwrap();
    assert_eq!(ask("p").await.unwrap_err().code, ErrorCode::RateLimited);
    ask("q").await.unwrap();
}

#[tokio::test]
async fn an_answer_in_which_a_budget_is_spent_ends_there_with_what_came() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "budgets": [{ "scope": "everyone", "tokens_per_day": 100 }] }))
        .await;
    let piece = Event::Text("x".repeat(300));
    let long = vec![
        piece.clone(),
        piece.clone(),
        piece,
        Event::Finish(FinishReason::Stop),
    ];
    bench.fake.play("k1", [Reply::Events(long)]);
    let route = bench.gateway.named("One/m").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, request("hi"));
    let mut answer = asked.await.unwrap();
    assert_eq!(answer.next(1).await.unwrap().len(), 1);
    // The piece in which it is spent is given too, and nothing more is asked for.
    assert_eq!(answer.next(1).await.unwrap().len(), 1);
    assert_eq!(
        bench.fake.running.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
    let error = answer.next(1).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RateLimited);
    assert!(error.message.contains("in the middle"), "{}", error.message);
    assert!(error.retry_after_ms.is_some());
    assert!(answer.next(1).await.unwrap().is_empty());
    assert_eq!(bench.gateway.status().unwrap().today.requests, 1);
}

#[tokio::test]
async fn requests_that_run_at_once_do_not_overdraw_a_budget_together() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "budgets": [{ "scope": "user", "tokens_per_day": 1_000 }] }))
        .await;
    let usage = Usage {
        input: Some(600),
        ..Usage::default()
    };
    let silent = || Reply::Silence(vec![Event::Text("x".into()), Event::Usage(usage)]);
    bench.fake.play("k1", [silent(), silent()]);
    let route = bench.gateway.named("One/m").await.unwrap();
    // Some 600 tokens each are expected, so that two of them are all there is.
    let long = request(&"x".repeat(2_400));
    let ann = customer("ann");
    let first = bench
        .gateway
        .complete(&ann, &route, long.clone())
        .await
        .unwrap();
    let second = bench
        .gateway
        .complete(&ann, &route, long.clone())
        .await
        .unwrap();
    let third = bench.gateway.complete(&ann, &route, long).await;
    assert_eq!(third.err().unwrap().code, ErrorCode::RateLimited);
    drop((first, second));
}

#[tokio::test]
async fn an_answer_that_is_stopped_costs_what_was_written_whatever_was_told_first() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    // As Anthropic begins: the output so far is one token.
    let first = Event::Usage(Usage {
        input: Some(100),
        output: Some(1),
        ..Usage::default()
    });
    let begun = vec![first, Event::Text("x".repeat(4_000))];
    bench.fake.play("k1", [Reply::Silence(begun)]);
    let route = bench.gateway.named("One/m").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, request("hi"));
    drop(asked.await.unwrap());
    let totals = bench.gateway.status().unwrap().today;
    assert_eq!((totals.input, totals.output), (100, 1_000));
}

#[tokio::test]
async fn a_provider_that_counts_with_every_piece_is_stopped_too() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "budgets": [{ "scope": "everyone", "tokens_per_day": 100 }] }))
        .await;
    let piece = |output| {
        let usage = Event::Usage(Usage {
            input: Some(10),
            output: Some(output),
            ..Usage::default()
        });
        [Event::Text("x".repeat(300)), usage]
    };
    let long = (1..=9).flat_map(|count| piece(count * 75)).collect();
    bench.fake.play("k1", [Reply::Events(long)]);
    let error = bench.ask("One/m").await.unwrap_err();
    assert!(error.message.contains("in the middle"), "{}", error.message);
    let totals = bench.gateway.status().unwrap().today;
    assert!(totals.output <= 225, "{}", totals.output);
}

#[tokio::test]
async fn answers_that_run_at_once_are_stopped_when_they_have_spent_a_budget_together() {
    for (budget, limit) in [
        (
            json!({ "scope": "everyone", "tokens_per_day": 1_000 }),
            "tokens",
        ),
        (
            json!({ "scope": "everyone", "money_per_day": 1.0 }),
            "money",
        ),
    ] {
        let bench = Bench::new().await;
        bench.provider("One", "k1").await;
        bench
            .configure(json!({
                "prices": [{ "model": "*", "input": 0.0, "output": 1_000.0 }],
                "budgets": [budget],
            }))
            .await;
        let pieces = || vec![Event::Text("x".repeat(400)); 9];
        bench
            .fake
            .play("k1", (0..4).map(|_| Reply::Silence(pieces())));
        let route = bench.gateway.named("One/m").await.unwrap();
        let ann = customer("ann");
        let mut answers = Vec::new();
        for _ in 0..4 {
            let asked = bench.gateway.complete(&ann, &route, request("hi"));
            answers.push(asked.await.unwrap());
        }
        // Each alone would leave most of it.
        let mut error = None;
        for _ in 0..9 {
            for answer in &mut answers {
                error = error.or(answer.next(1).await.err());
            }
            if error.is_some() {
                break;
            }
        }
        let error = error.unwrap();
        assert!(error.message.contains(limit), "{}", error.message);
        drop(answers);
        let output = bench.gateway.status().unwrap().today.output;
        assert!((900..=1_500).contains(&output), "{output}");
    }
}
