//! What a query gives, in a box, as `sqlite3 -box` draws it.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::support::dump;

pub async fn table(path: &Path, sql: &str) -> String {
    let names = dump::names(path, sql).await;
    let rows = dump::lists(path, sql).await;
    let mut lines = vec![names];
    lines.extend(rows.iter().map(|row| row.iter().map(shown).collect()));
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|at| {
            lines
                .iter()
                .map(|line| line[at].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let rule = |left: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}\n", parts.join(middle))
    };
    let mut text = rule("┌", "┬", "┐");
    for (at, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count());
            let _ = write!(text, "│ {cell}{padding} ");
        }
        text.push_str("│\n");
        if at == 0 {
            text.push_str(&rule("├", "┼", "┤"));
        }
    }
    text + &rule("└", "┴", "┘")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
