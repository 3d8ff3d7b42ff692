#ifndef WORD_LISTS_H
#define WORD_LISTS_H

#include <stddef.h>
#include <stdint.h>

// The lists are text with one entry a line, part of the program's read-only image: they need no file at run time, and
// all processes of one program share their pages. The pointers stay valid for ever.

// Lines between two entries of a table of starts.
enum { word_list_stride = 32 };

// A list that words are drawn from by position.
struct word_list {
    // The text; its last line ends with a line feed too.
    const uint8_t *_Nonnull bytes;
    size_t size;
    // Where lines 0, 32, 64, … start, so that a word is found without reading the list from its beginning.
    const uint32_t *_Nonnull starts;
    // The number of lines.
    size_t count;
};

// 850 words of Basic English, sorted.
struct word_list word_list_basic(void);

// 235,886 words of Webster's Second, sorted.
struct word_list word_list_large(void);

// 100 crossword entries: `easy` or `hard`, a tab, the word, a tab, its clue. `count` receives the length in bytes.
const uint8_t *_Nonnull word_lists_crossword(size_t *_Nonnull count);

#endif
