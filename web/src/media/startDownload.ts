// Owns how a download begins without leaving the page: the browser saves what the URL responds with, while it arrives.

/** `name`: of the file, where the response has none. */
export function startDownload(url: string, name = ''): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
