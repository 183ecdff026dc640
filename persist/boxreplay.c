/* boxreplay: reads the engine's log for mirroring, checking and showing. */
#include <stdio.h>

#include "../engine/logger.h"
#include "../engine/version.h"
#include "crash_point.h"
#include "mirror_run.h"
#include "replay_diff.h"
#include "replay_dump.h"
#include "replay_rebuild.h"
#include "replay_salvage.h"
#include "replay_snapshot.h"
#include "replay_options.h"
#include "replay_verify.h"

int main(int argc, char **argv)
{
    struct replay_options options;
    const int code = replay_options_parse(&options, argc, argv);
    if (code != 0)
        return code;
    enum logger_level level = LOGGER_INFO;
    (void)logger_level_parse(options.config.log.level, &level);
    logger_init(level);
    crash_point_init();
    switch (options.command) {
    case REPLAY_MIRROR:
        return mirror_run(&options);
    case REPLAY_VERIFY:
        return replay_verify(&options);
    case REPLAY_DUMP:
        return replay_dump(&options);
    case REPLAY_DIFF:
        return replay_diff(&options);
    case REPLAY_SNAPSHOT:
        return replay_snapshot(&options);
    case REPLAY_REBUILD:
        return replay_rebuild(&options);
    case REPLAY_SALVAGE:
        return replay_salvage(&options);
    case REPLAY_HELP:
        replay_options_usage();
        return 0;
    case REPLAY_VERSION:
        (void)printf("boxreplay %s\n", BOXOFFICE_VERSION);
        return 0;
    }
    return REPLAY_EXIT_USAGE;
}
