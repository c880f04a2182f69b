//! What the shop does, told over real HTTP: one binary, one file a feature. `architecture` holds the shape of the code.

mod access;
mod accounts;
mod admin;
mod architecture;
mod audit;
mod btree;
mod cart;
mod cart_model;
mod catalog;
mod cli;
mod crash;
mod faults;
mod guards;
mod harness;
mod hours;
mod inventory;
mod model;
mod orders;
mod recurring;
mod schema;
mod settings;
mod start;
mod wire;
mod writer;
