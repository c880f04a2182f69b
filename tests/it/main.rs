//! What the shop does, told over real HTTP: one binary, one file a feature. `architecture` holds the shape of the code.

mod access;
mod accounts;
mod architecture;
mod btree;
mod catalog;
mod cli;
mod crash;
mod faults;
mod harness;
mod inventory;
mod model;
mod orders;
mod pages;
mod passwords;
mod recurring;
mod schema;
mod sessions;
mod sign_in;
mod start;
mod users;
mod wire;
mod writer;
