// SHA-256 (FIPS 180-4), by the processor's own instructions where it has them.
#ifndef ROCK_CSHA256_H
#define ROCK_CSHA256_H

#include <stddef.h>
#include <stdint.h>

struct rock_sha256 {
    uint32_t state[8];
    uint64_t count;
    uint8_t block[64];
};

void rock_sha256_begin(struct rock_sha256 *sha);
void rock_sha256_update(struct rock_sha256 *sha, const void *bytes, size_t count);
void rock_sha256_finish(struct rock_sha256 *sha, uint8_t digest[32]);

#endif
