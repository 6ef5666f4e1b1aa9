//! Requests over the sample shop, up to the rows that the app shows.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{Files, ask, rows, run, shop};

#[test]
fn revenue_by_month_and_the_top_ten_customers_become_a_dashboard() {
    let (_folder, database) = shop();
    let request = "show revenue by month and the top ten customers";
    let (prose, files) = ask(&database, request, &Files::new());
    let kept = "status NOT IN ('pending', 'cancelled', 'refunded')";

    let months = run(&database, &files, "revenue_by_month");
    let truth = rows(
        &database,
        &format!(
            "SELECT strftime('%Y-%m', ordered_at), round(sum(total), 2) FROM orders WHERE {kept} GROUP BY 1 ORDER BY 1"
        ),
    );
    assert!(months.len() >= 24);
    assert_eq!(months, truth);

    let customers = run(&database, &files, "top_customers");
    let truth = rows(
        &database,
        &format!(
            "SELECT c.name, round(sum(o.total), 2) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE {kept} GROUP BY c.id ORDER BY 2 DESC LIMIT 10"
        ),
    );
    assert_eq!(customers.len(), 10);
    assert_eq!(
        customers.iter().map(|row| &row[0]).collect::<Vec<_>>(),
        truth.iter().map(|row| &row[0]).collect::<Vec<_>>()
    );
    assert!(
        customers
            .iter()
            .zip(&truth)
            .all(|(one, other)| one.contains(&other[1]))
    );

    let page = &files["src/pages/Overview.tsx"];
    for part in [
        "<Stat label=\"Revenue\"",
        "<AreaChartCard title=\"Revenue by month\"",
        "format=\"currency\" xFormat=\"month\"",
        "<DataTable",
        "searchable",
        "initialSort={{ key: \"revenue\", direction: \"desc\" }}",
        "{ key: \"revenue\", label: \"Revenue\", format: \"currency\" }",
    ] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    assert!(prose.contains("not a model"), "{prose}");
    assert!(
        prose.contains("orders.status") && prose.contains("left out"),
        "{prose}"
    );
    assert!(!prose.contains("did not understand"), "{prose}");
}

#[test]
fn a_second_request_adds_a_page_and_leaves_the_rest() {
    let (_folder, database) = shop();
    let (_, first) = ask(
        &database,
        "show revenue by month and the top ten customers",
        &Files::new(),
    );
    let (prose, second) = ask(&database, "add a page for low stock", &first);
    let app = &second["src/App.tsx"];
    assert!(
        app.contains("label: \"Overview\"") && app.contains("label: \"Low stock\""),
        "{app}"
    );
    assert!(
        second["app.json"].contains("\"label\": \"Low stock\""),
        "{}",
        second["app.json"]
    );
    for (path, content) in &first {
        if path != "src/App.tsx" && path != "app.json" {
            assert_eq!(content, &second[path], "{path}");
        }
    }
    let low = run(&database, &second, "low_stock");
    let truth = rows(
        &database,
        "SELECT count(*) FROM inventory WHERE quantity_on_hand <= reorder_level",
    );
    assert_eq!(truth[0][0], low.len());
    assert!(!low.is_empty());
    assert!(prose.contains("reorder_level"), "{prose}");

    let (_, third) = ask(&database, "add a page for low stock", &second);
    assert_eq!(second, third);
}

#[test]
fn an_app_that_was_changed_by_hand_is_left_as_it_is() {
    let (_folder, database) = shop();
    let (_, mut files) = ask(&database, "show revenue by month", &Files::new());
    let app = files["src/App.tsx"].replace("<AppShell", "<AppShell\n      subtitle=\"Mine\"");
    files.insert("src/App.tsx".into(), app.clone());
    let document = support::document(
        "add a page for low stock",
        "sqlite",
        support::schema(&database),
        &files,
    );
    let (prose, fresh) = support::take_apart(&support::answer(&document));
    assert!(prose.contains("changed by hand"), "{prose}");
    assert_eq!(
        fresh.keys().collect::<Vec<_>>(),
        ["queries/low_stock.sql", "src/pages/LowStock.tsx"]
    );
}

#[test]
fn many_ways_to_ask_give_apps_that_run() {
    let (_folder, database) = shop();
    for (request, query) in [
        ("turnover per week", "turnover_by_week"),
        ("revenue by quarter", "revenue_by_quarter"),
        ("sales per year as a bar chart", "sales_by_year"),
        ("revenue by country", "revenue_by_country"),
        ("revenue by category", "revenue_by_category"),
        ("number of orders by status", "orders_by_status"),
        ("orders by channel as a pie chart", "orders_by_channel"),
        ("orders per customer", "orders_by_customer"),
        ("average order value by month", "average_total_by_month"),
        ("how many customers do we have", "key_figures"),
        ("list all products", "list_products"),
        ("top 5 products", "top_products"),
        ("top 5 products by quantity", "top_products"),
        ("the worst ten products", "bottom_products"),
        ("customers", "list_customers"),
        ("payments by method", "payments_by_method"),
        ("revenue trend", "revenue_by_month"),
        ("revenue by month and by segment", "revenue_by_segment"),
        ("daily orders", "orders_by_day"),
        (
            "a dashboard with sales, best customers and what has to be reordered",
            "low_stock",
        ),
    ] {
        let (prose, files) = ask(&database, request, &Files::new());
        let found = run(&database, &files, query);
        assert!(!found.is_empty(), "{request}");
        assert!(!prose.contains("did not understand"), "{request}: {prose}");
    }
}

#[test]
fn what_is_not_understood_is_said_beside_the_best_overview() {
    let (_folder, database) = shop();
    let (prose, files) = ask(&database, "a snake game with flamingos", &Files::new());
    assert!(
        prose.contains("\"snake\"") && prose.contains("\"flamingos\""),
        "{prose}"
    );
    assert!(prose.contains("overview"), "{prose}");
    assert!(files.keys().any(|path| path.starts_with("queries/list_")));

    let (prose, files) = ask(&database, "revenue by month for flamingos", &Files::new());
    assert!(prose.contains("\"flamingos\""), "{prose}");
    assert!(files.contains_key("queries/revenue_by_month.sql"));
}

#[test]
fn what_is_asked_later_never_replaces_what_is_there() {
    let (_folder, database) = shop();
    let (_, first) = ask(&database, "revenue by month", &Files::new());
    let (_, second) = ask(&database, "also show orders by status", &first);
    assert_eq!(
        first["src/pages/Overview.tsx"],
        second["src/pages/Overview.tsx"]
    );
    assert!(
        second["src/App.tsx"].contains("label: \"Orders\""),
        "{}",
        second["src/App.tsx"]
    );
    let (prose, third) = ask(&database, "more flamingos", &second);
    assert_eq!(second, third);
    assert!(
        prose.contains("changed nothing") && prose.contains("flamingos"),
        "{prose}"
    );
}
