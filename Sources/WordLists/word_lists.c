#include "WordLists.h"

#if !defined(__has_embed)
#error "the word lists are compiled in with #embed, which needs the clang of Swift 6.3 or newer"
#endif
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t basic[] = {
#embed "en-basic.txt"
};
static const uint32_t basic_starts[] = {
#include "en-basic-starts.txt"
};

static const uint8_t large[] = {
#embed "en.txt"
};
static const uint32_t large_starts[] = {
#include "en-starts.txt"
};

static const uint8_t crossword[] = {
#embed "crossword.txt"
};

struct word_list word_list_basic(void) {
    return (struct word_list){basic, sizeof basic, basic_starts, 850};
}

struct word_list word_list_large(void) {
    return (struct word_list){large, sizeof large, large_starts, 235886};
}

const uint8_t *word_lists_crossword(size_t *count) {
    *count = sizeof crossword;
    return crossword;
}
