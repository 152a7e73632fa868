//! The engine broken on purpose, one rule at a time: each break must show, or the model proves less than it seems to.

use chatmirror::plan::{Rule, Rules};

use super::runs;

/// Holds the break to be caught by a history that the whole engine survives.
fn caught(rule: Rule, seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let (_, broken) = runs::run(std::iter::once(seed), Rules::without(rule), 1);
        let Some((_, why)) = broken.first() else {
            continue;
        };
        let (_, anyway) = runs::run(std::iter::once(seed), Rules::default(), 1);
        if anyway.is_empty() {
            let why = why.lines().next().unwrap_or_default();
            eprintln!("without {rule:?}, seed {seed}: {why}");
            return;
        }
    }
    panic!("nobody misses {rule:?}");
}

/// One seed that is known to show what the rule is for, and then the others: a kill comes at a slightly other moment each time.
fn known(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::once(seed).chain(1..super::HISTORIES)
}

macro_rules! breaks {
    ($($name:ident: $rule:ident, $known:expr;)*) => {$(
        #[test]
        fn $name() {
            caught(Rule::$rule, known($known));
        }
    )*};
}

breaks! {
    without_settling_a_message_of_the_same_second_is_lost: Settled, 10;
    without_the_closing_look_a_chat_that_jumped_is_lost: ClosingLook, 403;
    without_overlap_a_row_slips_over_the_seam: SeamOverlap, 579;
    without_the_exact_count_an_import_is_lost: ExactCount, 11;
    with_an_early_claim_a_kill_loses_messages: ClaimWithTheLastPage, 78;
    with_the_newest_change_as_watermark_a_tie_is_lost: WatermarkFromTheDate, 6;
    with_an_order_taken_on_trust_a_change_is_lost: ProvenOrder, 6;
    without_the_state_look_nothing_is_ever_closed: StateLook, 2;
    with_bumps_unexplained_a_change_is_lost: ExplainedBump, 138;
    without_its_history_a_new_chat_is_not_whole: WholeHistory, 1;
    without_a_hold_for_vanished_chats_the_claim_is_false: VanishedHoldsTheClaim, 13;
    without_a_second_look_what_moved_is_called_deleted: SecondLookForDeletions, 111;
}

#[test]
#[ignore = "a search: which seeds catch which break"]
fn which_histories_catch_which_break() {
    for rule in Rule::ALL {
        let seeds = 1..super::HISTORIES;
        let (_, broken) = runs::run(seeds, Rules::without(rule), 8);
        for (history, why) in broken {
            let why = why.lines().next().unwrap_or_default();
            eprintln!("without {rule:?}, seed {}: {why}", history.seed);
        }
    }
}
