// Owns loading the pages of the members' route table.
import { ROUTES } from '../routes';
import { pageLoader } from './pageLoader';

export const loadPage = pageLoader(ROUTES);
