// Owns how a download begins without leaving the page: the browser saves what the URL responds with, while it arrives.

export function startDownload(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
