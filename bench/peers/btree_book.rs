//! A limit order book in the usual Rust design, to measure mExchange against:
//!
//! - a `BTreeMap` of price levels a side,
//! - a `VecDeque` of orders a level, oldest first,
//! - a `HashMap` from an order's id to where it rests.
//!
//! Plain `i64` and the standard library only; no accounts, no holds, no fees, no events beyond the
//! fills. A cancel looks for its order from the front of the level's queue, as this design does.
//!
//!     rustc --edition 2021 -C opt-level=3 btree_book.rs && ./btree_book FLOW [REPEAT]

use std::collections::btree_map::OccupiedEntry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

const LIMIT: i64 = 0;
const MARKET: i64 = 1;
const CANCEL: i64 = 2;
const BUY: i64 = 0;

struct Resting {
    id: i64,
    open: i64,
}

struct Fill {
    #[allow(dead_code)]
    maker: i64,
    #[allow(dead_code)]
    price: i64,
    quantity: i64,
}

type Level = VecDeque<Resting>;
type Side = BTreeMap<i64, Level>;

#[derive(Default)]
struct Book {
    bids: Side,
    asks: Side,
    places: HashMap<i64, (i64, i64)>,
    fills: Vec<Fill>,
}

impl Book {
    /// Takes from the best level of the other side, within `worst`, and returns what is left.
    fn cross(&mut self, side: i64, mut quantity: i64, worst: Option<i64>) -> i64 {
        while quantity > 0 {
            let best = best_opposite(&mut self.bids, &mut self.asks, side);
            let Some(mut level) = best else { break };
            let price = *level.key();
            let beyond = worst.is_some_and(|w| if side == BUY { price > w } else { price < w });
            if beyond {
                break;
            }
            let queue = level.get_mut();
            while let Some(first) = queue.front_mut() {
                let traded = quantity.min(first.open);
                first.open -= traded;
                quantity -= traded;
                self.fills.push(Fill { maker: first.id, price, quantity: traded });
                if first.open > 0 {
                    break;
                }
                self.places.remove(&first.id);
                queue.pop_front();
                if quantity == 0 {
                    break;
                }
            }
            if queue.is_empty() {
                level.remove();
            }
        }
        quantity
    }

    fn limit(&mut self, id: i64, side: i64, price: i64, quantity: i64) {
        let open = self.cross(side, quantity, Some(price));
        if open > 0 {
            let levels = if side == BUY { &mut self.bids } else { &mut self.asks };
            levels.entry(price).or_default().push_back(Resting { id, open });
            self.places.insert(id, (side, price));
        }
    }

    fn cancel(&mut self, id: i64) -> bool {
        let Some((side, price)) = self.places.remove(&id) else { return false };
        let levels = if side == BUY { &mut self.bids } else { &mut self.asks };
        let queue = levels.get_mut(&price).expect("a resting order has a level");
        let place = queue.iter().position(|o| o.id == id).expect("and is in its queue");
        queue.remove(place);
        if queue.is_empty() {
            levels.remove(&price);
        }
        true
    }
}

fn best_opposite<'a>(
    bids: &'a mut Side,
    asks: &'a mut Side,
    side: i64,
) -> Option<OccupiedEntry<'a, i64, Level>> {
    if side == BUY { asks.first_entry() } else { bids.last_entry() }
}

#[derive(PartialEq, Clone, Copy, Default)]
struct Counts {
    trades: usize,
    traded_quantity: i64,
    cancelled: usize,
    resting: usize,
}

fn run(rows: &[[i64; 5]]) -> (f64, Counts) {
    let mut book = Book::default();
    let mut counts = Counts::default();
    let start = Instant::now();
    for &[op, side, id, price, quantity] in rows {
        book.fills.clear();
        match op {
            LIMIT => book.limit(id, side, price, quantity),
            MARKET => {
                book.cross(side, quantity, None);
            }
            CANCEL => counts.cancelled += book.cancel(id) as usize,
            _ => {}
        }
        counts.trades += book.fills.len();
        counts.traded_quantity += book.fills.iter().map(|f| f.quantity).sum::<i64>();
    }
    let seconds = start.elapsed().as_secs_f64();
    counts.resting = book.places.len();
    (seconds, counts)
}

fn read(path: &str) -> Result<Vec<[i64; 5]>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    if bytes.is_empty() || bytes.len() % 40 != 0 {
        return Err(format!("{path}: {} bytes are not rows of 40 bytes", bytes.len()));
    }
    let field = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let row = |number: usize| std::array::from_fn(|column| field(40 * number + 8 * column));
    Ok((0..bytes.len() / 40).map(row).collect())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_default();
    let repeat: usize = arguments.next().map_or(1, |n| n.parse().unwrap_or(1));
    let rows = read(&path).unwrap_or_else(|message| {
        eprintln!("{message}");
        std::process::exit(2);
    });
    let (mut seconds, counts) = run(&rows);
    for _ in 1..repeat {
        let (again, same) = run(&rows);
        assert!(same == counts, "two runs differ");
        seconds = seconds.min(again);
    }
    println!(
        "{{\"commands\": {}, \"seconds\": {:.6}, \"commands_per_second\": {:.0}, \"trades\": {}, \
         \"traded_quantity\": {}, \"cancelled\": {}, \"resting\": {}}}",
        rows.len(),
        seconds,
        rows.len() as f64 / seconds,
        counts.trades,
        counts.traded_quantity,
        counts.cancelled,
        counts.resting
    );
}
