"""Durable jobs: work that is asked for in a transaction and done after it, whatever happens in between.

declared   what a plugin declares: Job, Queue, Backoff
cron       when a clock ticks
asking     enqueue, in the transaction of whoever asks
control    cancel and retry
run        what the work is given: a call with progress and steps
doing      one try of one job, from its row to its outcome
relay      from the rows to the engine, and back when the engine forgot
clock      rows for the jobs whose clock has ticked
locks      numbered places that one process holds, and that are free when it dies
engine     DBOS, and the only file that knows it
trying     jobs without an engine, for tests of plugins
state      what is wrong with them, for people
cleaning   the job that forgets finished jobs
running    all of it together, for as long as a block lasts
"""
