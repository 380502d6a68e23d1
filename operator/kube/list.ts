import type { ApiRequest, KubeClient } from "../../runtime/kube/client.ts";
import { isGone } from "../../runtime/kube/errors.ts";
import type { KubeObject } from "./objects.ts";

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items?: KubeObject[];
}

export interface ListOptions {
  readonly client: KubeClient;
  readonly path: string;
  readonly query?: ApiRequest["query"];
  readonly accept?: string;
  readonly signal?: AbortSignal;
  readonly pageSize?: number;
}

/** An object may have 1.5 MB, and a page of them is in memory at once, as text and as objects. */
const PAGE_SIZE = 20;

/**
 * Lists a collection page by page, handing each page over as it comes, and returns the resource version to watch from.
 * A continue token that expired half-way starts the list again, in one piece; `restart` says that earlier pages are void.
 */
export async function listPages(
  options: ListOptions,
  onPage: (items: KubeObject[]) => void,
  restart: () => void,
): Promise<string> {
  let limit: number | undefined = options.pageSize ?? PAGE_SIZE;
  let token: string | undefined;
  for (;;) {
    try {
      const page: ListPage = await options.client.request<ListPage>({
        path: options.path,
        query: { ...options.query, limit, continue: token },
        ...(options.accept === undefined ? {} : { accept: options.accept }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      onPage(page.items ?? []);
      token = page.metadata.continue || undefined;
      if (token === undefined) return page.metadata.resourceVersion;
    } catch (error) {
      if (!isGone(error) || token === undefined) throw error;
      token = undefined;
      limit = undefined;
      restart();
    }
  }
}
