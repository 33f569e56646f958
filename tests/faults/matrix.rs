//! All cells, side by side, and the page that says what came of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dlvgate_test_support::page::has_table;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::session_log::WHOLE_SESSION;
use dlvgate_test_support::toolchain::Pair;

use super::bring::bring;
use super::cell::{Cell, Fate};
use super::disk;
use super::fault::Fault;
use super::inject::{inject, make_good, settle};
use super::left::nothing_stays;
use super::seen::go_on;
use super::stage::Stage;
use super::table::{self, Found};

/// Cells at a time: most of a cell is waiting.
const SIDE_BY_SIDE: usize = 10;

/// Only cells of which `fault at step` holds this, for who looks into one; the page is not compared
/// then.
const ONLY: &str = "DLVGATE_FAULTS";

/// The least that are to be there.
const LEAST: usize = 150;

/// From a new server to nothing left of it.
fn run(cell: Cell, programs: &Path) -> Found {
    let mut stage = Stage::new(cell, programs);
    let mut progress = bring(&mut stage);
    inject(&mut stage, &mut progress);
    settle(&mut stage);
    stage.release();
    let view = go_on(&mut stage, progress);
    // It keeps its end open until it has seen the server's; now it closes.
    stage.client = None;
    if cell.fate() == Fate::ServesOn {
        let over = stage.until(|stage| {
            let count = |name| stage.server.log.sessions_with(name).len();
            count("closed") >= count("first_byte").max(usize::from(cell.begins_a_session()))
        });
        assert!(over, "{cell:?}: the session does not end");
    }
    in_order(&stage);
    make_good(&mut stage);
    let gone = nothing_stays(&mut stage);
    Found { cell, view, gone }
}

/// Checks that the session took its steps in order.
fn in_order(stage: &Stage) {
    // A dlv that never was ready is stopped where that is noticed, before the way out.
    let names = stage.server.log.of(1).into_iter().map(|one| one.name);
    let names: Vec<String> = names.filter(|name| name != "ending").collect();
    let mut all = WHOLE_SESSION.iter();
    assert!(names.iter().all(|name| all.any(|one| one == name)), "{:?}: {names:?}", stage.cell);
}

fn named(cell: Cell) -> String {
    format!("{} at {}", cell.fault.name(), cell.step.name())
}

#[test]
fn every_fault_is_told_and_leaves_nothing() {
    let only = std::env::var(ONLY).ok();
    let has_disks = disk::can_be_mounted();
    let mut cells = Cell::all();
    assert!(cells.len() >= LEAST, "{} cells", cells.len());
    cells.retain(|cell| {
        (has_disks || cell.fault != Fault::DiskFull)
            && only.as_ref().is_none_or(|only| named(*cell).contains(only))
    });
    // The ones that wait first.
    cells.sort_by_key(|cell| !cell.is_hurried());
    Program::built(&Pair::any(), "loop");
    let programs = tempfile::tempdir().unwrap();
    let (next, found, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    match catch_unwind(AssertUnwindSafe(|| run(*cell, programs.path()))) {
                        Ok(one) => found.lock().unwrap().push(one),
                        Err(_) => failed.lock().unwrap().push(named(*cell)),
                    }
                    if only.is_some() {
                        println!("{}: {} ms", named(*cell), began.elapsed().as_millis());
                    }
                }
            });
        }
    });
    let (found, failed) = (found.into_inner().unwrap(), failed.into_inner().unwrap());
    assert!(failed.is_empty(), "{} of {} cells failed: {failed:#?}", failed.len(), cells.len());
    let table = table::page(&found);
    if only.is_some() || !has_disks {
        println!("{table}");
        return;
    }
    has_table("docs/reliability.md", "faults", &table);
}
