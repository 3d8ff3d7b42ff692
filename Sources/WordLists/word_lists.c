#include "WordLists.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t basic[] = {
#embed "en-basic.txt"
};

static const uint8_t large[] = {
#embed "en.txt"
};

static const uint8_t crossword[] = {
#embed "crossword.txt"
};

const uint8_t *word_lists_basic(size_t *count) {
    *count = sizeof basic;
    return basic;
}

const uint8_t *word_lists_large(size_t *count) {
    *count = sizeof large;
    return large;
}

const uint8_t *word_lists_crossword(size_t *count) {
    *count = sizeof crossword;
    return crossword;
}
