// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which form of the fixes a device gets, and why.
 *
 * A pure function of the facts of a device and of a policy: the same facts give the same
 * decision on the device, in a control plane and in a forecast. It allocates nothing.
 */

#ifndef GRAFT_RELEASE_ELIGIBLE_H
#define GRAFT_RELEASE_ELIGIBLE_H

#include "release/level.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What Graft needs of a kernel; a bit each. */
enum graft_ability {
	/** ptrace(2) of others' processes is not forbidden. */
	GRAFT_ABILITY_PTRACE = 1,
	/** /proc/PID/mem writes to pages that are read-only. */
	GRAFT_ABILITY_MEMORY = 2,
	/** pidfd_open(2). */
	GRAFT_ABILITY_PIDFD = 4,
	/** kcmp(2): who shares memory with whom. */
	GRAFT_ABILITY_KCMP = 8,
};

enum {
	GRAFT_ABILITY_COUNT = 4,
	/** Bytes of a name, with its NUL. */
	GRAFT_FACT_LEN = 32,
	/** Names in a list of a policy. */
	GRAFT_POLICY_NAMES_MAX = 32,
	/** Baselines that live at once. */
	GRAFT_POLICY_BASELINES_MAX = 16,
};

/** A name, as "enterprise". */
struct graft_fact {
	char str[GRAFT_FACT_LEN];
};

/** What is known of a device. */
struct graft_facts {
	/** What to call it; "" for this one. */
	struct graft_fact name;
	struct graft_fact edition;
	/** As Debian calls it: "amd64". */
	struct graft_fact architecture;
	/** ID and VERSION_ID of os-release(5) with '-' between: "debian-12". */
	struct graft_fact distribution;
	/** The baseline that it runs, and its newest release; 0: not known. */
	graft_level baseline;
	graft_level level;
	/** #graft_ability, or-ed. */
	uint32_t abilities;
	/** Bytes that are free below the state directory. */
	uint64_t space;
	/** Version of graft: 1.2 is 1 << 16 | 2; 0: there is none. */
	uint32_t agent;
	/** Somebody said that nothing may change. */
	bool held;
};

/** A list of names; empty: all are meant. */
struct graft_names {
	struct graft_fact names[GRAFT_POLICY_NAMES_MAX];
	size_t count;
};

/** A baseline for which hotpatches are made. */
struct graft_live_baseline {
	graft_level level;
	/** The newest that a device on it has without a restart; the level itself if there is
	 * none yet. */
	graft_level newest;
	/** That one is inferred, not proven. */
	bool inferred;
};

/** What a device must be. */
struct graft_policy {
	/** Those that may have hotpatches. */
	struct graft_names editions;
	/** Those for which there are releases. */
	struct graft_names architectures;
	struct graft_names distributions;
	uint32_t agent;
	uint32_t abilities;
	uint64_t space;
	/** By ascending level. */
	struct graft_live_baseline baselines[GRAFT_POLICY_BASELINES_MAX];
	size_t baseline_count;
	/** The newest release of all, which the cumulative update brings. */
	graft_level latest;
	/** Hotpatches must be proven: those that are made, and those that a device takes. */
	bool proven;
};

/** What a device gets. */
enum graft_decision {
	GRAFT_DECISION_UP_TO_DATE,
	/** Security fixes, and no restart. */
	GRAFT_DECISION_HOTPATCH,
	/** A current baseline, with a restart; hotpatches follow. */
	GRAFT_DECISION_BASELINE,
	/** The ordinary update, with a restart. */
	GRAFT_DECISION_CUMULATIVE,
	/** Nothing, before somebody does something. */
	GRAFT_DECISION_NOT_READY,
};

/** Why. */
enum graft_eligible_reason {
#define GRAFT_ELIGIBLE_REASON(symbol, wire, owner, remedy)                     \
	GRAFT_ELIGIBLE_##symbol,
#include "release/eligible.def"
#undef GRAFT_ELIGIBLE_REASON
	GRAFT_ELIGIBLE_REASON_COUNT,
};

/** A decision and its reasons: bits of 1 << #graft_eligible_reason. */
struct graft_eligibility {
	enum graft_decision decision;
	uint32_t reasons;
	/** The level that the device has afterwards. */
	graft_level target;
};

/**
 * Decide.
 *
 * All reasons of the decision are found, not the first alone: who mends one is not to be
 * told of the next afterwards.
 */
struct graft_eligibility
graft_eligible(const struct graft_facts *facts,
	       const struct graft_policy *policy);

/** Get the word for a decision: "hotpatch". Static. */
const char *
graft_decision_name(enum graft_decision decision);

/** Get the word for a reason: "edition". Static. */
const char *
graft_eligible_reason_name(enum graft_eligible_reason reason);

/** Get who can do something about a reason: "vendor" or "administrator". Static. */
const char *
graft_eligible_reason_owner(enum graft_eligible_reason reason);

/** Get what helps, without a full stop. Static. */
const char *
graft_eligible_reason_remedy(enum graft_eligible_reason reason);

/** Get the word for an ability: "ptrace". @param[in] i Number of its bit. Static. */
const char *
graft_ability_name(unsigned i);

#endif /* GRAFT_RELEASE_ELIGIBLE_H */
