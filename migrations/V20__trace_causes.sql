-- Whose doing a job is, for traces: a request's trace goes on in the work that it caused, also after a restart.

-- As W3C's header `traceparent`; null while no traces are kept. It lies in the job's own row, so a job costs no B-tree more.
alter table jobs add column traceparent text check (length(traceparent) = 55);
