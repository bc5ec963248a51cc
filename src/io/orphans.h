/* orphans.h - processes below us that lost their parent: without us they would outlive everything.
 */
#ifndef IO_ORPHANS_H
#define IO_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Have them become our children from now on. Only Linux knows how; elsewhere nothing happens. */
void orphans_adopt(void);
/* Reap every child of ours that is not known, kill it before if so asked: how many are not gone
   yet. 0 before adopt. */
size_t orphans_end(bool (*known)(pid_t pid), bool killing);

#endif
