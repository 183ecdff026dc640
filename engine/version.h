/* The program's version, one for all three programs of the project. */
#ifndef ENGINE_VERSION_H
#define ENGINE_VERSION_H

#define BOXOFFICE_VERSION "0.1.0"

#endif
