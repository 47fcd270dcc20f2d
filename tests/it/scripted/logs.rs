//! `konta logs`: reading page by page against a scripted CloudWatch.

mod reading;
mod stopped;
