import { useMemo, useState } from 'preact/hooks';
import type { PageSurface } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import { type Actions, type Edits, readState } from './form.ts';
import { listInputs } from './list-inputs.ts';

export interface FormHandle {
  readonly actions: Actions;
  readonly edits: Edits;
  setErrors(errors: Readonly<Record<string, string>>): void;
}

export function useForm(surface: PageSurface, client: Client): FormHandle {
  const [edits, setEdits] = useState<Edits>({});
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [clickErrors, setClickErrors] = useState<Readonly<Record<string, string>>>({});
  const inputs = useMemo(() => listInputs(surface.blocks), [surface]);
  // Another form in its place may have none of them.
  const current: Edits = Object.fromEntries(Object.entries(edits).filter(([key]) => inputs.has(key)));

  const actions = useMemo<Actions>(
    () => ({
      async press(actionId, blockId = '') {
        const { [actionId]: _old, ...others } = clickErrors;
        setClickErrors(others);
        const failure = await client.act({ view_id: surface.id, action_id: actionId, block_id: blockId });
        if (failure !== null) setClickErrors((now) => ({ ...now, [actionId]: failure }));
      },
      errorOf: (actionId) => clickErrors[actionId],
      suggest: (action_id, block_id, query) =>
        client.suggest({
          view_id: surface.id,
          action_id,
          query,
          ...(block_id === undefined ? {} : { block_id }),
        }),
      form: {
        stateOf: (blockId, actionId) => surface.state[blockId]?.[actionId] ?? {},
        valueOf: (blockId, actionId) =>
          current[`${blockId}/${actionId}`]?.values ?? readState(surface.state[blockId]?.[actionId] ?? {}),
        change(blockId, actionId, values) {
          const key = `${blockId}/${actionId}`;
          setEdits((now) => ({ ...now, [key]: { values, isMany: inputs.get(key) === true } }));
          setErrors(({ [blockId]: _fixed, ...others }) => others);
        },
        errorOf: (blockId) => errors[blockId],
      },
    }),
    [surface, client, edits, errors, clickErrors, inputs],
  );
  return { actions, edits: current, setErrors };
}
