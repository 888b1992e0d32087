SELECT (SELECT COUNT(*) FROM resources), (SELECT COUNT(*) FROM resource_versions), (SELECT COUNT(*) FROM resource_handles),
  (SELECT COUNT(*) FROM scans), (SELECT COUNT(*) FROM scan_lines), (SELECT COUNT(*) FROM scan_coverage)
