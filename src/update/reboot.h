// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What restarts the host: one command, which the configuration can name. No other code of Graft does.
 *
 * Without a name it is `shutdown -r +MINUTES MESSAGE`, which tells who is logged in, and that is run only where
 * it means this host and somebody means it: by root, with the host's own state directory, in the
 * root and the namespace of processes of the first process, and while no fault is asked for. A
 * test, a container and another root have at least one of these otherwise.
 */

#ifndef GRAFT_UPDATE_REBOOT_H
#define GRAFT_UPDATE_REBOOT_H

#include "base/error.h"
#include "update/window.h"

/**
 * See that a restart could be asked for.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED says why not, and what helps.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reboot_check(const struct graft_window *window);

/**
 * Have the host restarted, after the warning of the window.
 *
 * @param[in] message For who is logged in; of a command that is named, what `%m` stands for; `%w` is
 * how many minutes are left.
 * @param[in] log For what the command says.
 * @return NULL: the command was run, and said that it would; as graft_reboot_check();
 * #GRAFT_ERROR_REFUSED if it failed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reboot_ask(const struct graft_window *window, const char *message,
		 const char *log);

/** Take it back: `shutdown -c`, or the command of the configuration. As graft_reboot_ask(). */
GRAFT_MUST_CHECK struct graft_error *
graft_reboot_cancel(const struct graft_window *window, const char *log);

#endif /* GRAFT_UPDATE_REBOOT_H */
