// SPDX-License-Identifier: Apache-2.0

/** @file What the files of the worker share. Inside this folder only. */

#ifndef GRAFT_AGENT_INSIDE_H
#define GRAFT_AGENT_INSIDE_H

#include "agent/content.h"
#include "agent/hold.h"
#include "agent/holding.h"
#include "agent/kept.h"
#include "agent/look.h"
#include "agent/marks.h"
#include "agent/message.h"
#include "agent/table.h"
#include "agent/tool.h"
#include "agent/updates.h"
#include "agent/watch.h"
#include "agent/worker.h"
#include "ledger/quarantine.h"

enum {
	/** Processes of one run of graft. */
	GRAFT_JOB_PIDS = 256,
	/** Runs at once: one that compares and may take long, one that does not, and
	 * one that somebody sleeps for. */
	GRAFT_JOB_SLOTS = 3,
	/** Hotpatches that are being taken out. */
	GRAFT_REVERTS = 16,
	/** Processes of which an event told. */
	GRAFT_PENDING = 4096,
	GRAFT_SECOND_US = 1000 * 1000,
};

/** What graft is run for. */
enum graft_job_kind {
	GRAFT_JOB_NONE,
	GRAFT_JOB_SYNC,
	GRAFT_JOB_SHOW,
	GRAFT_JOB_APPLY,
	GRAFT_JOB_STATUS,
	GRAFT_JOB_REVERT,
};

/** A run of graft and whom it is for. */
struct graft_job {
	enum graft_job_kind kind;
	/** Of the hotpatch, of SHOW and APPLY; its id, of REVERT. */
	uint32_t serial;
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** Of REVERT: as graft_reverting::user. */
	uid_t user;
	pid_t pids[GRAFT_JOB_PIDS];
	/** The needs as they were. */
	uint64_t whats[GRAFT_JOB_PIDS];
	size_t pid_count;
	/** They sleep until it is over. */
	bool held;
	struct graft_tool tool;
};

/** A process that sleeps before it runs, or is about to. */
struct graft_asleep {
	pid_t pid;
	/** Then it goes on by itself. */
	uint64_t until_us;
	/** It loads still, and somebody traces it: not yet. */
	bool loads;
	/** It was looked at. */
	bool seen;
	/** graft is at it. */
	bool busy;
};

/** A process of which an event told, and when to look at it. */
struct graft_pending {
	pid_t pid;
	uint64_t due_us;
	/** It may not have loaded all: look once more, later. */
	bool again;
};

/** A hotpatch that is being taken out. */
struct graft_reverting {
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** Out of the processes of this user alone; 0: of all. */
	uid_t user;
	/** Those that hold it, as `graft status` said. */
	pid_t pids[GRAFT_JOB_PIDS];
	size_t pid_count;
	/** Not before this. */
	uint64_t retry_us;
};

/** The worker. */
struct graft_worker {
	const struct graft_worker_options *options;
	int signal_fd;
	/** -1: the kernel does not tell. */
	int connector_fd;
	/** Of the ledger's folder, and of what is kept. */
	int folder_fd;
	struct graft_marks *marks;
	/** NULL: nobody is held. */
	struct graft_hold *hold;
	struct graft_watch *watch;
	struct graft_contents *contents;
	struct graft_kept kept;
	struct graft_table table;
	struct graft_look look;
	struct graft_quarantine *quarantine;
	/** The newest row that was read. */
	int64_t ledger_row;
	bool ledger_read;

	struct graft_job jobs[GRAFT_JOB_SLOTS];
	struct graft_pending pending[GRAFT_PENDING];
	size_t pending_count;
	/** How urgent the worker is when nobody is held. */
	int nice;
	struct graft_asleep asleep[GRAFT_HOLDING_MAX];
	size_t asleep_count;
	struct graft_reverting reverts[GRAFT_REVERTS];
	size_t revert_count;

	/** When things are due, on graft_clock_monotonic_us(); UINT64_MAX: not. */
	uint64_t full_us;
	uint64_t folder_us;
	uint64_t state_us;
	uint64_t metrics_us;
	uint64_t updates_us;
	/** Who holds what is asked of `graft status`. */
	bool status_wanted;
	/** SIGTERM came: nothing new is begun. */
	bool ending;
	bool ended;
	uint64_t ending_us;

	struct graft_updates updates;
	struct graft_agent_state state;
	struct graft_agent_state sent;
	/** What changes by itself was counted since something happened. */
	bool counted;
	/** The last thing that went wrong with a run; it is said once. */
	char complaint[256];
};

/** Say something, in the journal. @param[in] id Of a hotpatch, or NULL. */
GRAFT_PRINTF(5)
void
graft_worker_log(struct graft_worker *worker, int priority, pid_t pid,
		 const char *id, const char *fmt, ...);

/** Begin what is to be done and can be, in slots that are free. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_begin_jobs(struct graft_worker *worker);

/** Take what runs have printed, and what came of those that are over. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_step_jobs(struct graft_worker *worker);

/** Get when a need that was refused is due again, or a run has no time left. */
uint64_t
graft_worker_jobs_due(const struct graft_worker *worker);

/** Read what is new in the ledger, and which hotpatches are wanted by it. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_read_ledger(struct graft_worker *worker);

/** Take a hotpatch out of all processes in scope, as soon as can be. @param[in] user Out of
 * his alone; 0: of all. */
void
graft_worker_revert(struct graft_worker *worker, const char *id, uid_t user);

/**
 * Take what graft said of who holds a hotpatch that may be held or on its way out.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_take_holder(struct graft_worker *worker,
			 const struct graft_answer_item *item);

/** Note that a hotpatch is being taken out for a user, or was: what the ledger says of
 * that is not that somebody wanted it. @param[in] id NULL: each that was being taken out. */
void
graft_worker_note_taking(struct graft_worker *worker, const char *id,
			 uid_t user, bool begins);

/** See which watched processes have ended, and whether they crashed. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_check_health(struct graft_worker *worker);

/** Take what the kernel told of a process that dies by a signal. */
void
graft_worker_note_death(struct graft_worker *worker, pid_t pid, pid_t parent,
			int signal);

/**
 * Let a hotpatch be applied again.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if nothing holds it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_release(struct graft_worker *worker, const char *id);

/** Send the front a message. If it does not keep up, the message is lost. */
void
graft_worker_send(struct graft_worker *worker,
		  const struct graft_message *message);

/**
 * Say that something could not be had, and go on.
 *
 * @param[in] err Taken.
 * @param[in] what What that means.
 */
void
graft_worker_say_missing(struct graft_worker *worker, struct graft_error *err,
			 const char *what);

/** Tell the state, if it has changed, and write the metrics, if that is due. */
void
graft_worker_tell(struct graft_worker *worker, uint64_t now_us);

/** Say once what is wrong with runs of graft. @param[in] err Taken. */
void
graft_worker_complain(struct graft_worker *worker, struct graft_error *err);

/** Ask the kernel to be told of things. What it does not tell, looks find. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_begin_events(struct graft_worker *worker);

/** Take what the kernel told of processes and files. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_take_events(struct graft_worker *worker);

/** Take what changed in the folders of the ledger and of what is kept. */
void
graft_worker_take_folders(struct graft_worker *worker);

/** Begin to hold who loads an old file, where that is wanted and can be. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_begin_holding(struct graft_worker *worker);

/** Hold nobody until files are marked anew, which looks do unless it is paused. */
void
graft_worker_stop_holding(struct graft_worker *worker);

/** Take what the holder says, and look at who sleeps. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_take_asleep(struct graft_worker *worker);

/** Choose who of those that sleep graft is run for. @param[in,out] job Gets them. */
void
graft_worker_choose_asleep(struct graft_worker *worker, struct graft_job *job);

/** Say whether a process is held: then no other run is for it. */
bool
graft_worker_is_held(const struct graft_worker *worker, pid_t pid);

/** Let those go on that a run was for. @param[in] done How many it hotpatched. */
void
graft_worker_wake(struct graft_worker *worker, const struct graft_job *job,
		  size_t done);

/** Say whether a need is one that a run is begun for now. */
bool
graft_worker_is_wanted(const struct graft_worker *worker,
		       const struct graft_table_process *process,
		       const struct graft_table_need *need, uint64_t now_us);

/** Add who needs it to a run, and note that graft is at it. */
void
graft_worker_add_to_job(struct graft_job *job,
			const struct graft_table_process *process,
			struct graft_table_need *need);

/** Look at all processes, and at what is kept. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_look_at_all(struct graft_worker *worker);

/** Look at the processes whose time has come. */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_look_at_pending(struct graft_worker *worker);

/** Say whether processes are looked at so soon that what the kernel tells of others may
 * wait till then. */
bool
graft_worker_looks_soon(const struct graft_worker *worker);

#endif /* GRAFT_AGENT_INSIDE_H */
