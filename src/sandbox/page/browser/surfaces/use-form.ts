import { useMemo, useRef, useState } from 'preact/hooks';
import type { PageSurface } from '../../../slack/page-api.ts';
import type { Client } from '../client.ts';
import { type Actions, type Edits, formatEdits, listOptions, readState } from './form.ts';
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
  // A press right after a change must carry it: it may come before the next drawing.
  const latest = useRef(edits);
  const inputs = useMemo(() => listInputs(surface.blocks), [surface]);
  const current: Edits = Object.fromEntries(
    Object.entries(latest.current).flatMap(([key, edit]) => {
      const input = inputs.get(key);
      if (input === undefined) return [];
      const offered = listOptions(input.element).map(({ value }) => value);
      // An update may have taken away what was chosen.
      const values =
        offered.length === 0 ? edit.values : edit.values.filter((value) => offered.includes(value));
      return [[key, { ...edit, values }]];
    }),
  );

  const actions = useMemo<Actions>(
    () => ({
      async press(actionId, blockId = '', values) {
        const { [actionId]: _old, ...others } = clickErrors;
        setClickErrors(others);
        const isMany = inputs.get(`${blockId}/${actionId}`)?.isMany === true;
        const failure = await client.act({
          view_id: surface.id,
          action_id: actionId,
          block_id: blockId,
          ...(values === undefined ? {} : { value: isMany ? values : (values[0] ?? null) }),
          values: formatEdits(keepKnown(latest.current, inputs)),
        });
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
          const isMany = inputs.get(key)?.isMany === true;
          latest.current = { ...latest.current, [key]: { values, isMany } };
          setEdits(latest.current);
          setErrors(({ [blockId]: _fixed, ...others }) => others);
        },
        errorOf: (blockId) => errors[blockId],
      },
    }),
    [surface, client, edits, errors, clickErrors, inputs],
  );
  return { actions, edits: current, setErrors };
}

function keepKnown(edits: Edits, inputs: ReturnType<typeof listInputs>): Edits {
  return Object.fromEntries(Object.entries(edits).filter(([key]) => inputs.has(key)));
}
