/* Where the running code lies on disk: what was installed with it is found from there, wherever that is. */
#ifndef BOSUN_CORE_BASE_PROGRAM_H
#define BOSUN_CORE_BASE_PROGRAM_H

#include "buf.h"
#include <stdbool.h>

/* Appends the absolute path of the running program, without symbolic links. False: it cannot be told. */
bool bosun_program_path(bosun_buf *out);

/* Appends the absolute path of a folder that is given relative to the program's own ("../share/bosun/site").
 * False, and nothing appended: it is not there, or may not be entered. */
bool bosun_program_beside(bosun_buf *out, const char *folder);

/* The same relative to the folder of libbosun, for programs that lie elsewhere and load it. */
bool bosun_library_beside(bosun_buf *out, const char *folder);

#endif
