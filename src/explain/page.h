// SPDX-License-Identifier: Apache-2.0

/** @file Style and script of the page, as text: page.css and page.js. */

#ifndef GRAFT_EXPLAIN_PAGE_H
#define GRAFT_EXPLAIN_PAGE_H

extern const char graft_page_css[];
extern const char graft_page_js[];

#endif /* GRAFT_EXPLAIN_PAGE_H */
