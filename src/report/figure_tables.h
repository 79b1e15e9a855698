/* The rows of each figure's table, and what is said at its end; headers stand in figures.c. */
#ifndef CGAP_REPORT_FIGURE_TABLES_H
#define CGAP_REPORT_FIGURE_TABLES_H

#include "report/tsv.h"

cgap_status cgap_table_of_scatter(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_cosines(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_variance(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_dimensions(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_recall(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);
cgap_status cgap_table_of_plane(cgap_tsv *table, const cgap_audit *audit, cgap_error *error);

#endif
