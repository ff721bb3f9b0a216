pub(crate) mod bed;
