/* Catalog objects: one allocation each, the texts behind the struct. */
#include <assert.h>
#include <string.h>

#include "catalog.h"
#include "memory.h"

/* Moves a text behind the object; returns the place after it. */
static char *text_take(struct text *text, char *place)
{
    if (text->length > 0)
        memcpy(place, text->bytes, text->length);
    text->bytes = place;
    return place + text->length;
}

static void reference(_Atomic uint32_t *references)
{
    /* Relaxed: whoever shares already holds a reference. */
    uint32_t before = atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
    assert(before > 0);
}

static bool unreference(_Atomic uint32_t *references)
{
    uint32_t before = atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

struct catalog_event *catalog_event_new(const struct catalog_event *draft)
{
    size_t texts = (size_t)draft->title.length + draft->slug.length + draft->description.length +
                   draft->venue.length + draft->city.length + draft->image_url.length;
    struct catalog_event *event = memory_new(sizeof *event + texts);

    if (!event)
        return NULL;
    *event = *draft;
    atomic_init(&event->references, 1);
    char *place = (char *)(event + 1);
    place = text_take(&event->title, place);
    place = text_take(&event->slug, place);
    place = text_take(&event->description, place);
    place = text_take(&event->venue, place);
    place = text_take(&event->city, place);
    text_take(&event->image_url, place);
    return event;
}

struct catalog_show *catalog_show_new(const struct catalog_show *draft)
{
    struct catalog_show *show = memory_new(sizeof *show + draft->name.length);

    if (!show)
        return NULL;
    *show = *draft;
    atomic_init(&show->references, 1);
    text_take(&show->name, (char *)(show + 1));
    return show;
}

/* Counters outlive all versions but the last: `GET` reads them from any worker. */
static struct zone_counters *counters_new(uint32_t available)
{
    struct zone_counters *counters = memory_new_aligned(64, sizeof *counters);

    if (counters)
        atomic_init(&counters->available, available);
    return counters;
}

struct catalog_zone *catalog_zone_new(const struct catalog_zone *draft)
{
    struct catalog_zone *zone = memory_new(sizeof *zone + draft->name.length);

    if (!zone)
        return NULL;
    *zone = *draft;
    atomic_init(&zone->references, 1);
    text_take(&zone->name, (char *)(zone + 1));
    if (!zone->counters)
        zone->counters = counters_new(zone->total_seats);
    if (zone->counters) {
        atomic_fetch_add_explicit(&zone->counters->versions, 1, memory_order_relaxed);
        return zone;
    }
    memory_free(zone);
    return NULL;
}

struct catalog_event *catalog_event_share(const struct catalog_event *event)
{
    struct catalog_event *shared = (struct catalog_event *)(uintptr_t)event;
    reference(&shared->references);
    return shared;
}

struct catalog_show *catalog_show_share(const struct catalog_show *show)
{
    struct catalog_show *shared = (struct catalog_show *)(uintptr_t)show;
    reference(&shared->references);
    return shared;
}

struct catalog_zone *catalog_zone_share(const struct catalog_zone *zone)
{
    struct catalog_zone *shared = (struct catalog_zone *)(uintptr_t)zone;
    reference(&shared->references);
    return shared;
}

void catalog_event_release(const struct catalog_event *event)
{
    struct catalog_event *released = (struct catalog_event *)(uintptr_t)event;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_show_release(const struct catalog_show *show)
{
    struct catalog_show *released = (struct catalog_show *)(uintptr_t)show;
    if (released && unreference(&released->references))
        memory_free(released);
}

void catalog_zone_release(const struct catalog_zone *zone)
{
    struct catalog_zone *released = (struct catalog_zone *)(uintptr_t)zone;
    if (!released || !unreference(&released->references))
        return;
    if (unreference(&released->counters->versions))
        memory_free(released->counters);
    memory_free(released);
}
