/* Opening data sets in tests as the command line would, in a fresh directory that is the working directory. */
#ifndef CGAP_TESTS_IO_ASK_H
#define CGAP_TESTS_IO_ASK_H

#include "contragap/contragap.h"
#include "h5_make.h"

enum { ASK_FILES = 4 };

extern char ask_directory[4096];
void ask_enter(void); /* a test's .init and .fini */
void ask_leave(void);

typedef struct io_ask {
  const char *files[ASK_FILES + 1];
  const char *image, *text, *text_image, *labels, *class_text;
  bool unpaired;
} io_ask;

/* Fails the test where the data set is refused. */
cgap_dataset *ask_open(const io_ask *a);

/* The refusal has the status, is one line, and all words stand in it; words are parted by '|'. */
void ask_refuse(const char *where, const io_ask *a, cgap_status want, const char *words);

/* The rows of a source are the numbers of h5_numbers(shape), read in pieces of `piece` rows. */
void ask_numbers(const char *where, const cgap_source *source, h5_shape shape, size_t piece);

#endif
